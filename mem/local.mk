noinst_LIBRARIES += libmem.a
libmem_a_SOURCES = \
	mem/must.h mem/must.c \
	mem/mutex.h mem/mutex.c \
	mem/scope.h \
	mem/ranks.h \
	mem/poison.h \
	mem/os_pages.h mem/os_pages.c \
	mem/account.h mem/account_slot.h mem/account.c \
	mem/alloc.h mem/alloc.c \
	mem/pool.h mem/pool_one.h mem/pool.c \
	mem/arena.h mem/arena.c \
	mem/iobuf.h mem/iobuf.c
