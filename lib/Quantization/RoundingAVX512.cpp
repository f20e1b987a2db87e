#define HADRON_ROUNDING_VERSION avx512
#include "RoundingBody.h"
