# Completion of coskit in fish. Load it with: coskit completion fish | source
function __coskit_complete
    set -l tokens (commandline -opc)
    set -l current (commandline -ct)
    set -l program $tokens[1]
    command -q $program; or set program coskit
    set -l lines (_COSKIT_COMPLETE=fish command $program $tokens[2..-1] "$current" 2>/dev/null)
    if test "$lines[1]" = files
        __fish_complete_path "$current"
    end
    if test (count $lines) -gt 1
        printf '%s\n' $lines[2..-1]
    end
end
complete -c coskit -f -a '(__coskit_complete)'
