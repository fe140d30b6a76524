#!/bin/sh
# Prints what files hold, for people to see what would change: read-only, without temporary files.
#
# A template (templates.py). For each path one line, in the order of the paths:
#   NONCE file HEX       the content
#   NONCE link HEX       the target of a link
#   NONCE no             neither, too large, or not readable

largest=@LARGEST@

hexadecimal() { od -An -v -tx1 | tr -d ' \n'; }

print_contents() {
  for p do
    if [ -f "$p" ] && [ ! -L "$p" ] && [ -r "$p" ] && [ "$(wc -c <"$p")" -le "$largest" ]; then
      printf '%s file ' @NONCE@; hexadecimal <"$p"; echo
    elif [ -L "$p" ]; then
      printf '%s link ' @NONCE@; readlink "$p" | tr -d '\n' | hexadecimal; echo
    else
      echo @NONCE@ no
    fi
  done
}

print_contents @PATHS@
