#include "hadron/Pipelines/Place.h"

using namespace mlir;

static void collect(Location location, hadron::Place &place) {
  if (auto fused = dyn_cast<FusedLoc>(location)) {
    for (Location part : fused.getLocations())
      collect(part, place);
  } else if (auto name = dyn_cast<NameLoc>(location)) {
    if (place.node.empty())
      place.node = name.getName().str();
    collect(name.getChildLoc(), place);
  } else if (auto call = dyn_cast<CallSiteLoc>(location)) {
    collect(call.getCallee(), place);
    collect(call.getCaller(), place);
  } else if (auto file = dyn_cast<FileLineColLoc>(location); file && place.file.empty()) {
    place.file = file.getFilename().str();
    place.line = file.getLine();
    place.column = file.getColumn();
  }
}

hadron::Place hadron::findPlace(Location location) {
  Place place;
  collect(location, place);
  return place;
}
