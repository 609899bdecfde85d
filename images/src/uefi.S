# BOOTX64.EFI in one piece: a PE32+ image (Microsoft PE format; UEFI 2.10 §2.1.1) whose headers stand
# here too, so that nothing in it depends on a linker's version or clock. Says on the first serial port
# and on the console where it was started from, then shuts the machine down. Position-independent: it
# needs no relocation.
    .text
    .set sectionAddress, 0x1000
image:
    .ascii "MZ"
    .skip 58
    .long pe - image
pe:
    .ascii "PE\0\0"
    .word 0x8664                        # machine: x86-64
    .word 1                             # sections
    .long 0, 0, 0                       # time stamp, symbols
    .word sections - optional
    .word 0x0022                        # executable, handles large addresses
optional:
    .word 0x020b                        # PE32+
    .byte 0, 0
    .long codeEnd - code                # code bytes
    .long 0, 0
    .long sectionAddress                # entry point: the code's first byte
    .long sectionAddress
    .quad 0x400000                      # preferred base; any other does as well
    .long 0x1000                        # section alignment
    .long 0x200                         # file alignment
    .word 0, 0, 0, 0, 0, 0
    .long 0
    .long 0x2000                        # image bytes in memory
    .long code - image                  # header bytes
    .long 0
    .word 10                            # subsystem: EFI application
    .word 0
    .quad 0, 0, 0, 0
    .long 0
    .long 6                             # data directories, all empty
    .skip 6 * 8
sections:
    .ascii ".text\0\0\0"
    .long codeEnd - code
    .long sectionAddress
    .long codeEnd - code
    .long code - image
    .long 0, 0
    .word 0, 0
    .long 0x60000020                    # code, executable, readable
    .balign 0x200

code:                                   # rcx: image handle, rdx: system table (Microsoft calling convention)
    pushq %rbx
    subq $0x20, %rsp                    # shadow space; keeps the stack aligned to 16 bytes
    movq %rdx, %rbx

    leaq marker(%rip), %rsi
next:
    movzwl (%rsi), %eax
    addq $2, %rsi
    testl %eax, %eax
    jz printed
    movl %eax, %ecx
    movl $0xffff, %edi
wait:
    movw $0x3fd, %dx
    inb %dx, %al
    testb $0x20, %al                    # transmitter empty
    jnz ready
    decl %edi
    jnz wait
ready:
    movl %ecx, %eax
    movw $0x3f8, %dx
    outb %al, %dx
    jmp next
printed:
    movq 0x40(%rbx), %rcx               # SystemTable.ConOut
    testq %rcx, %rcx
    jz end
    leaq marker(%rip), %rdx
    call *8(%rcx)                       # OutputString
end:
    movw $0x501, %dx                    # QEMU's isa-debug-exit: ends with status 33
    movb $0x10, %al
    outb %al, %dx
    movq 0x58(%rbx), %rax               # SystemTable.RuntimeServices
    movl $2, %ecx                       # EfiResetShutdown
    xorl %edx, %edx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    call *0x68(%rax)                    # ResetSystem
halt:
    hlt
    jmp halt

    .balign 2
marker:
    .string16 "MEDIARIG-BOOTED-UEFI\r\n"
    .balign 0x200
codeEnd:
