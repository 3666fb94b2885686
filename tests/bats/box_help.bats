#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hullbox's options in its manual page and in the completion of the shell.

load helpers
load box

options_of() {
	hullbox "$@" --help | sed -nE 's/^  (-[a-zA-Z], |    )(--[a-z0-9-]+).*/\1 \2/p' | tr -d , | tr -s ' ' '\n' | sed '/^$/d' | sort -u
}

@test "box help: hullbox(1) has every option of run, and none that isn't there" {
	local option text
	text=$(man -l "$top/man/hullbox.1" | col -b | sed -n '/^OPTIONS OF RUN/,/^IMAGES AND LAYERS/p')
	for option in $(options_of run); do
		[ "$option" != -h ] && [ "$option" != --help ] || continue
		grep -qE -- "(^|[ ,(])$option([ ,=).:]|\$)" <<<"$text" || {
			echo "hullbox(1) lacks $option" >&2
			return 1
		}
	done
	while read -r option; do
		options_of run | grep -qxF -- "$option" || {
			echo "hullbox(1) has $option, run hasn't" >&2
			return 1
		}
	done < <(grep -oE -- '(^|[ ,(])--[a-z][a-z-]+' <<<"$text" | grep -oE -- '--[a-z-]+' | sort -u)
}

complete_words() {
	local COMP_WORDS=("$HULLBOX" "$@") COMP_CWORD=$# COMPREPLY
	_hullbox
	printf '%s\n' "${COMPREPLY[@]}" | sort -u
}

@test "box help: completion offers commands, options, words and files, and nothing inside a container's command" {
	complete() { :; }
	# shellcheck source=/dev/null
	source "$top/completions/hullbox"
	complete_words "" | grep -qx run
	assert_equal "$(complete_words run -)" "$(options_of run)"
	assert_equal "$(complete_words run --security-profile "")" "$(printf 'default\nnone\nstrict')"
	assert_equal "$(complete_words run --rm --cap-add SYS_AD)" SYS_ADMIN
	assert_equal "$(complete_words run --rootfs "$T/bundle/ro")" "$T/bundle/rootfs"
	assert_equal "$(complete_words run --rootfs / -d --userns a)" auto
	assert_equal "$(complete_words run --rootfs / -v "$T/bun")" "$T/bundle"
	assert_equal "$(complete_words run --rootfs / -- sh -)" ""
	assert_equal "$(complete_words run --rootfs / sh --n)" ""
}

@test "box help: completion takes a container's own name, not a label, and runs nothing of what it reads" {
	require conmon
	complete() { :; }
	# shellcheck source=/dev/null
	source "$top/completions/hullbox"
	hullbox create --net none --layer "$BASE" --name "$ID" --label 'name=label' --label "x=\$(touch $T/ran)" -- /bin/true
	hullbox create --net none --layer "$BASE" --name "${ID}x" --label "name=\$(touch $T/ran)" -- /bin/true
	assert_equal "$(complete_words start "")" "$ID"$'\n'"${ID}x"
	[ ! -e "$T/ran" ]
	# Whatever a list has as a name.
	cat >"$T/hullbox" <<-END
		#!/bin/sh
		case "\$*" in
		--help) printf 'Commands:\n  start  Start\n' ;;
		ps*) printf '[\n\t{\n\t\t"name": "\$(touch $T/ran)"\n\t},\n\t{\n\t\t"name": "good"\n\t}\n]\n' ;;
		esac
	END
	chmod +x "$T/hullbox"
	assert_equal "$(HULLBOX=$T/hullbox && complete_words start "")" good
	[ ! -e "$T/ran" ]
}

@test "box help: serve says where its JSON is described" {
	local file
	file=$(hullbox serve --help | grep -oE 'docs/[a-z-]+[.]md')
	grep -q '/api/v1' "$top/$file"
}
