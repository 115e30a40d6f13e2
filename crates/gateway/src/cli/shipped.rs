//! What a package ships about the command line: completions for shells, and man pages.

use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_complete::Shell;

pub(super) fn print_completions(mut command: Command, shell: Shell) -> Result<(), String> {
    io::stdout().write_all(&completions(&mut command, shell)).map_err(|e| format!("cannot print completions: {e}"))
}

/// In memory first, for the generator ends the process where its output is closed.
fn completions(command: &mut Command, shell: Shell) -> Vec<u8> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, command, name, &mut script);
    script
}

/// One page for the program, and one for each command.
pub(super) fn write_man_pages(command: Command, folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(command, folder))
        .map_err(|e| format!("cannot write man pages into `{}`: {e}", folder.display()))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, ValueEnum};

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn each_shell_gets_every_command() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(completions(&mut Cli::command(), *shell)).unwrap();
            for command in Cli::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
        }
    }

    #[test]
    fn each_command_has_a_man_page() {
        let folder = tempfile::tempdir().unwrap();
        let man = folder.path().join("share/man1");
        write_man_pages(Cli::command(), &man).unwrap();
        let about = |page: &str| std::fs::read_to_string(man.join(page)).unwrap_or_else(|why| panic!("{page}: {why}"));
        assert!(about("gateway.1").contains("authorization server"));
        for command in Cli::command().get_subcommands() {
            assert!(about(&format!("gateway-{}.1", command.get_name())).contains(".SH NAME"));
        }
        assert!(about("gateway-operator-invite.1").contains("once and within an hour"));
        let taken = folder.path().join("a file");
        std::fs::write(&taken, "").unwrap();
        let refused = write_man_pages(Cli::command(), &taken).unwrap_err();
        assert!(refused.contains("a file"), "{refused}");
    }
}
