#compdef coskit
# Completion of coskit in zsh. Load it with: source <(coskit completion zsh)
_coskit() {
    local program=${(Q)words[1]} current=$PREFIX kind mode
    local -a reply whole whole_shown part part_shown
    [[ -z $compstate[quote] ]] && current=${(Q)PREFIX}
    (( $+commands[$program] )) || [[ -x $program ]] || program=coskit
    reply=("${(@0)$(_COSKIT_COMPLETE=zsh command $program "${(@Q)words[2,CURRENT-1]}" "$current" 2>/dev/null)}")
    mode=$reply[1]
    shift reply
    while (( $#reply >= 3 )); do
        if [[ $reply[1] == part ]]; then
            part+=("$reply[2]") part_shown+=("$reply[3]")
        else
            whole+=("$reply[2]") whole_shown+=("$reply[3]")
        fi
        shift 3 reply
    done
    (( $#whole )) && compadd -l -d whole_shown -a whole
    (( $#part )) && compadd -l -S '' -d part_shown -a part
    [[ $mode == files ]] && _files
    return 0
}
if [[ $funcstack[1] == _coskit ]]; then
    _coskit "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
    compdef _coskit coskit
fi
