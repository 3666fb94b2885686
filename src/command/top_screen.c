/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/top_screen.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "command/duration.h"

/* The alternate screen, without a cursor; and back. */
#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH };

/* A terminal that is gone can't be told anything. */
static void tell(const char *text)
{
	(void)!write(STDOUT_FILENO, text, strlen(text));
}

static void enter(struct screen *screen)
{
	struct termios raw;

	screen->keys = tcgetattr(STDIN_FILENO, &screen->before) == 0;
	if (screen->keys) {
		raw = screen->before;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		raw.c_cc[VMIN] = 0;
		raw.c_cc[VTIME] = 0;
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	tell(ENTER);
}

static void leave(const struct screen *screen)
{
	tell(LEAVE);
	if (screen->keys)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
}

int screen_open(struct screen *screen, struct oci_error *err)
{
	sigset_t set;

	*screen = (struct screen){ .signals = -1 };
	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, &screen->mask) < 0)
		return fail_sys(err, "sigprocmask");
	screen->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (screen->signals < 0) {
		(void)fail_sys(err, "signalfd");
		(void)sigprocmask(SIG_SETMASK, &screen->mask, NULL);
		return -1;
	}
	enter(screen);
	return 0;
}

void screen_close(struct screen *screen)
{
	leave(screen);
	fd_drop(&screen->signals);
	if (screen->ended_by && screen->ended_by != SIGINT) {
		(void)signal(screen->ended_by, SIG_DFL);
		(void)raise(screen->ended_by);
	}
	(void)sigprocmask(SIG_SETMASK, &screen->mask, NULL);
}

static enum screen_event take_signal(struct screen *screen)
{
	struct signalfd_siginfo info;

	if (read(screen->signals, &info, sizeof(info)) != sizeof(info))
		return SCREEN_TIME;
	if (info.ssi_signo == SIGWINCH)
		return SCREEN_REDRAW;
	if (info.ssi_signo == SIGTSTP) {
		leave(screen);
		(void)raise(SIGSTOP);
		enter(screen);
		return SCREEN_REDRAW;
	}
	screen->ended_by = (int)info.ssi_signo;
	return SCREEN_END;
}

enum screen_event screen_wait(struct screen *screen, int64_t until)
{
	struct pollfd fds[] = { { .fd = screen->signals, .events = POLLIN },
				{ .fd = screen->keys ? STDIN_FILENO : -1, .events = POLLIN } };

	for (;;) {
		int ready = poll(fds, 2, left_until(until));
		char key = 0;

		if (ready < 0 && errno != EINTR)
			return SCREEN_END;
		if (ready == 0)
			return SCREEN_TIME;
		if (ready > 0 && fds[0].revents) {
			enum screen_event event = take_signal(screen);

			if (event != SCREEN_TIME)
				return event;
		}
		if (ready > 0 && fds[1].revents) {
			ssize_t got = read(STDIN_FILENO, &key, 1);

			if (key == 'q' || key == 'Q')
				return SCREEN_END;
			if (got <= 0) /* hung up */
				fds[1].fd = -1;
		}
	}
}

int screen_draw(const char *text, struct oci_error *err)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	int row = 0;

	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	if (size.ws_row == 0 || size.ws_col == 0)
		size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	(void)printf("\033[H");
	for (; *text && row < size.ws_row; row++) {
		size_t length = strcspn(text, "\n");

		(void)printf("%s%.*s\033[K", row > 0 ? "\n" : "",
			     (int)(length < size.ws_col ? length : size.ws_col), text);
		text += length + (text[length] == '\n');
	}
	if (printf("\033[J") < 0 || fflush(stdout) != 0)
		return fail_sys(err, "write to the terminal");
	return 0;
}
