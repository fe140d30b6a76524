#!/bin/sh
# Asks the shell that reads this command what it is, and which lines of start-up files may have started it.
#
# login_shell.py joins the lines to one command in single quotes, which sh, zsh, fish and csh read alike. So: every line
# ends where a line end means nothing, and there is no single quote, no two backslashes, no exclamation mark.
# shellcheck disable=SC2088  # a tilde of a start-up file
exec 2>/dev/null;
case $(cat /proc/$PPID/cmdline) in *@OWN_COMMAND@*) exit ;; esac;
n=$(readlink /proc/$PPID/exe) || n=$(ps -o comm= -p $PPID); n=${n##*/}; n=${n#-};
echo; echo "mngr-shell name $n"; echo "mngr-shell login ${SHELL##*/}";
if [ -n "$SSH_ORIGINAL_COMMAND" ]; then echo "mngr-shell forced"; fi;
if [ -z "$n" ] || [ -n "$(printf %s "$n" | tr -d A-Za-z0-9_.-)" ]; then n="exec"; fi;
look() {
  if [ -f "$1" ]; then
    grep -nE "exec[[:space:]]+[^0-9<>&]|(^|[;&|[:space:]/])$n([[:space:];&|]|$)" "$1" | head -n 20 |
    while IFS= read -r l; do printf "mngr-shell line %s:%.300s\n" "$1" "$l"; done;
  fi;
};
c=${XDG_CONFIG_HOME:-$HOME/.config};
case ${SHELL##*/} in
  fish) set -- "$c"/fish/config.fish "$c"/fish/conf.d/*.fish /etc/fish/config.fish /etc/fish/conf.d/*.fish ;;
  zsh) set -- "${ZDOTDIR:-$HOME}"/.zshenv /etc/zsh/zshenv /etc/zshenv ;;
  *csh) set -- "$HOME"/.tcshrc "$HOME"/.cshrc /etc/csh.cshrc /etc/csh/cshrc ;;
  *) set -- "$BASH_ENV" "$ENV" "$HOME"/.bashrc "$HOME"/.bash_aliases "$HOME"/.bashrc.d/* "$HOME"/.profile
    "$HOME"/.bash_profile "$HOME"/.kshrc "$HOME"/.mkshrc /etc/bash.bashrc /etc/bashrc /etc/profile.d/*.sh ;;
esac;
for f do
  look "$f";
  for g in $(sed -nE "s/^(.*[[:space:];&])?([.]|source)[[:space:]]+\"?([^\"[:space:];]+).*/\3/p" "$f" | head -n 50); do
    case $g in "~/"*|"\$HOME/"*|"\${HOME}/"*) g=$HOME/${g#*/} ;; esac;
    look "$g";
  done;
done
