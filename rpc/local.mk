noinst_LIBRARIES += librpc.a
librpc_a_SOURCES = \
	rpc/auth.h rpc/auth.c \
	rpc/dict.h rpc/dict.c \
	rpc/xdr.h rpc/xdr.c \
	rpc/program.h \
	rpc/service.h rpc/service.c
