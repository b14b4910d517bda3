//! Linux kernel objects: modules, their sections and versions, and the BTF of every kind of kernel image.
