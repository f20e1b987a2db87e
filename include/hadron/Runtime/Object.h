//===- Object.h - the runtime's object file, as bytes in the compiler ---------------------------------*- C++ -*-===//
//
// Link HadronRuntimeBlob. An ELF relocatable for baseline x86-64 that needs only libc; linked with generated code it
// makes a kernel library (Descriptor.h).
//
//===------------------------------------------------------------------------------------------------------------===//
#ifndef HADRON_RUNTIME_OBJECT_H
#define HADRON_RUNTIME_OBJECT_H

extern "C" const unsigned char hadron_runtime_object[];
extern "C" const unsigned long hadron_runtime_object_size;

#endif // HADRON_RUNTIME_OBJECT_H
