#define HADRON_ROUNDING_VERSION baseline
#include "RoundingBody.h"
