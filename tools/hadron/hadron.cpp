// hadron: the compiler and what runs, measures and describes its libraries.
#include "hadron/Driver/Driver.h"

int main(int argc, char **argv) { return hadron::driver::main(argc, argv); }
