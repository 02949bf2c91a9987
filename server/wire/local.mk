libserver_a_SOURCES += \
	server/wire/fop_list.h \
	server/wire/fop.h server/wire/fop.c \
	server/wire/types.h server/wire/types.c \
	server/wire/args.h server/wire/args.c \
	server/wire/reply.h server/wire/reply.c
