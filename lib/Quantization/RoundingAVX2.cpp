#define HADRON_ROUNDING_VERSION avx2
#include "RoundingBody.h"
