// All operations of the dialect.
#ifndef HADRON_OPS_TD
#define HADRON_OPS_TD

include "RotationOps.td"
include "MatmulOps.td"
include "NormOps.td"
include "AttentionOps.td"
include "ProgramOps.td"

#endif // HADRON_OPS_TD
