"""The command `coskit config`: profiles with the address of a service and the keys for it."""

from coskit.cli.arguments.command_set import command_set
from coskit.cli.setup.config.import_profiles import import_profiles
from coskit.cli.setup.config.profiles import ls_profiles, rm_profile, show_settings, use_profile
from coskit.cli.setup.config.set_profile import set_profile

EXAMPLES = """
Type the settings, test the keys and save the profile:
  coskit config
Set up a profile in a script; the secret comes from standard input:
  coskit config set --profile work --region ap-guangzhou --secret-id AKIDexample < secret.txt
The same from a variable, with the secret in the system's keyring:
  coskit config set --region ap-guangzhou --secret-id AKIDexample --secret-env KEY --keyring
List the profiles, and where each setting in use comes from:
  coskit config ls
Show the settings that a profile gives:
  coskit config show work
Use a profile by default:
  coskit config use work
Remove a profile:
  coskit config rm work
Take over the profiles of the AWS CLI:
  coskit config import aws
See what would be taken from a file of coscli:
  coskit config import --dry-run coscli backup/.cos.yaml
"""

app = command_set(
    "config",
    "Set up profiles: the service, the keys, their test.",
    EXAMPLES,
    set_profile,
    ls_profiles,
    show_settings,
    use_profile,
    rm_profile,
    import_profiles,
)
