/* The public header is C99, and the descriptor's is C11. */
#include "hadron-c/hadron.h"

int main(void) { return HADRON_OK; }
