"""One function per system call, under the kernel's name. The only ctypes in the project; standard library only."""
