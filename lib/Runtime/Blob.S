// The runtime's object file as bytes: what the compiler links into every library, so that a user needs neither a
// compiler nor a file of ours.
        .section .rodata
        .globl  hadron_runtime_object
        .type   hadron_runtime_object, @object
        .balign 64
hadron_runtime_object:
        .incbin HADRON_RUNTIME_OBJECT
.Lend:
        .size   hadron_runtime_object, .Lend - hadron_runtime_object
        .globl  hadron_runtime_object_size
        .type   hadron_runtime_object_size, @object
        .balign 8
hadron_runtime_object_size:
        .quad   .Lend - hadron_runtime_object
        .size   hadron_runtime_object_size, 8
        .section .note.GNU-stack, "", @progbits
