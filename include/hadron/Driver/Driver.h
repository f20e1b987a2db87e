// The `hadron` program.
#ifndef HADRON_DRIVER_DRIVER_H
#define HADRON_DRIVER_DRIVER_H

namespace hadron::driver {

/// Runs a command line and returns the exit code: 0 done, 1 the user's input is wrong, 2 usage, 70 a bug in Hadron.
int main(int argc, char **argv);

} // namespace hadron::driver

#endif // HADRON_DRIVER_DRIVER_H
