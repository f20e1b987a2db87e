// The generated half of a shared object; the runtime's object is the other. NAME: of the library.
#include "FakeModel.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define JOIN_OF(x, y) x##y
#define JOIN(x, y) JOIN_OF(x, y)

extern "C" {
extern __attribute__((visibility("hidden"))) const hadron_rt_descriptor hadron_descriptor;
const hadron_rt_descriptor hadron_descriptor = fake::descriptor(TEXT(NAME), nullptr);
const void *JOIN(NAME, _hadron_descriptor)(void) { return &hadron_descriptor; }
}
