noinst_LIBRARIES += libiothreads.a
libiothreads_a_SOURCES = \
	iothreads/work.h \
	iothreads/queue.h iothreads/queue.c \
	iothreads/scale.h iothreads/scale.c \
	iothreads/pool.h iothreads/pool.c
