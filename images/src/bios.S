# Boot code for BIOS hosts: says on the first serial port and on the screen where it was started from,
# then ends the machine. Loaded at 0x7c00 in real mode, by the El Torito no-emulation rule from a CD,
# or as boot sector from a disk. Fits the 440 bytes before a partition table.
#
# MARKER is the text; the linker sets the origin.
    .code16
    .text
    .globl start
start:
    cli
    ljmp $0, $canonical                 # some firmware starts at 07c0:0000
canonical:
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %ss
    movw $0x7000, %sp
    sti
    cld

    # 16550 on COM1: 115200 baud, 8 data bits, no parity, one stop bit
    movw $0x3fb, %dx
    movb $0x80, %al                     # line control: divisor latch
    outb %al, %dx
    movw $0x3f8, %dx
    movb $1, %al
    outb %al, %dx
    incw %dx
    xorb %al, %al
    outb %al, %dx
    movw $0x3fb, %dx
    movb $0x03, %al
    outb %al, %dx

    movw $marker, %si
next:
    lodsb
    testb %al, %al
    jz done
    movb %al, %bl
    movw $0x3fd, %dx
    movw $0xffff, %cx                   # a machine without the port answers 0xff: ready
wait:
    inb %dx, %al
    testb $0x20, %al                    # transmitter empty
    loopz wait
    movb %bl, %al
    movw $0x3f8, %dx
    outb %al, %dx
    movb $0x0e, %ah                     # teletype
    movw $0x0007, %bx
    int $0x10
    jmp next

done:
    movw $0x501, %dx                    # QEMU's isa-debug-exit: ends with status 33
    movb $0x10, %al
    outb %al, %dx
    movw $0x5301, %ax                   # APM: connect, version 1.2, power off
    xorw %bx, %bx
    int $0x15
    movw $0x530e, %ax
    xorw %bx, %bx
    movw $0x0102, %cx
    int $0x15
    movw $0x5307, %ax
    movw $1, %bx
    movw $3, %cx
    int $0x15
halt:
    hlt
    jmp halt

marker:
    .ascii MARKER
    .asciz "\r\n"
