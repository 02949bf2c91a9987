# The daemon with bugs in it: tests/client/29-planted.t drives it.
check_PROGRAMS += tests/planted/clinkerd-planted
tests_planted_clinkerd_planted_SOURCES = cli/main.c tests/planted/plant.c
tests_planted_clinkerd_planted_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=dict_append -Wl,--wrap=control_command_run
tests_planted_clinkerd_planted_LDADD = $(clinkerd_LDADD)
