# Completion of coskit in bash. Load it with: source <(coskit completion bash)
_coskit() {
    local program=${1/#\~/$HOME} mode= value
    type -P "$program" >/dev/null || program=coskit
    COMPREPLY=()
    while IFS= read -r -d '' value; do
        if [[ -z $mode ]]; then mode=$value; else COMPREPLY+=("$value"); fi
    done < <(_COSKIT_COMPLETE=bash command "$program" "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
    # The words end with a space where one belongs; names of files are completed by bash.
    if [[ $mode == files ]] && ! compopt -o default +o nospace 2>/dev/null; then
        local IFS=$'\n' # an old bash
        COMPREPLY=($(compgen -f -- "$2"))
    fi
}
complete -o nospace -F _coskit coskit
