//! What the words of the command line ask for.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};
use nhipcau::RunOptions;
use nhipcau::control::Request;

pub(crate) const HELP: &str = "\
nhipcau: watches a province's devices and carries its conferences

  nhipcau run [--config FILE] [--lab]     start the daemon; --lab beside a simulated province
  nhipcau check [--config FILE]           name every mistake of the configuration (exit status 64)
  nhipcau check --reference               print all keys with their defaults and reasons
  nhipcau lab list                        what the running daemon's simulated province has
  nhipcau lab break LINK                  take a link down; also: power, fan, sensor DEVICE SENSOR hot, device DEVICE off
  nhipcau lab narrow LINK RATE            leave a link less capacity, such as 512k or 4M
  nhipcau lab heal LINK|all               mend it
  nhipcau version

FILE is /etc/nhipcau/nhipcau.yaml unless given; without any file the built-in defaults hold. conf.d/*.yaml beside it is joined to it.
";

/// Longest text of `lab break`.
const WORDS_BYTES_MAX: usize = 512;

/// One command.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Version,
    Reference,
    Check {
        config: Option<PathBuf>,
    },
    Run(RunOptions),
    Lab {
        config: Option<PathBuf>,
        request: Request,
    },
    /// The recording's child process; not for people.
    GstRecord(Vec<OsString>),
}

/// Reads the command line.
///
/// # Errors
/// One sentence for the person who typed it.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut arguments = arguments.into_iter().peekable();
    let program = arguments.next();
    if arguments
        .peek()
        .is_some_and(|first| first == nhipcau_media_gst::SUBCOMMAND)
    {
        return Ok(Command::GstRecord(arguments.skip(1).collect()));
    }
    let mut parser = Parser::from_iter(program.into_iter().chain(arguments));
    let mut given = Given::default();
    given.read(&mut parser).map_err(|error| error.to_string())?;
    given.command()
}

/// Everything that was given, in whatever order.
#[derive(Debug, Default)]
struct Given {
    words: Vec<String>,
    config: Option<PathBuf>,
    lab: bool,
    reference: bool,
    help: bool,
    version: bool,
}

impl Given {
    fn read(&mut self, parser: &mut Parser) -> Result<(), lexopt::Error> {
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("config") | Arg::Short('c') => self.config = Some(parser.value()?.into()),
                Arg::Long("lab") => self.lab = true,
                Arg::Long("reference") => self.reference = true,
                Arg::Long("help") | Arg::Short('h') => self.help = true,
                Arg::Long("version") | Arg::Short('V') => self.version = true,
                Arg::Value(word) => self.words.push(word.string()?),
                other => return Err(other.unexpected()),
            }
        }
        Ok(())
    }

    fn command(self) -> Result<Command, String> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        if self.help || matches!(words[..], ["help"]) {
            return Ok(Command::Help);
        }
        if self.version || matches!(words[..], ["version"]) {
            return Ok(Command::Version);
        }
        if self.lab && words[..] != ["run"] {
            return Err("--lab belongs to run".into());
        }
        if self.reference && words[..] != ["check"] {
            return Err("--reference belongs to check".into());
        }
        match words[..] {
            ["run"] => Ok(Command::Run(RunOptions {
                config: self.config,
                lab: self.lab,
            })),
            ["check"] if self.reference => Ok(Command::Reference),
            ["check"] => Ok(Command::Check {
                config: self.config,
            }),
            ["lab", ref words @ ..] => Ok(Command::Lab {
                request: request(words)?,
                config: self.config,
            }),
            [] => Err("what shall it do?".into()),
            [other, ..] => Err(format!("there is no command {other:?} with these words")),
        }
    }
}

fn request(words: &[&str]) -> Result<Request, String> {
    let joined = |words: &[&str]| {
        let what = words.join(" ");
        if what.len() > WORDS_BYTES_MAX {
            Err("that is too long".to_owned())
        } else {
            Ok(what)
        }
    };
    match words {
        ["list"] => Ok(Request::List {}),
        ["narrow", link, rate] => {
            let capacity_bps = nhipcau::config::rate(rate).filter(|rate| *rate > 0);
            let capacity_bps =
                capacity_bps.ok_or("a rate is written 512k, 4M or 1G, in bits per second")?;
            Ok(Request::Narrow {
                link: (*link).to_owned(),
                capacity_bps,
            })
        }
        ["break", what @ ..] if !what.is_empty() => Ok(Request::Break {
            what: joined(what)?,
        }),
        ["heal", what @ ..] if !what.is_empty() => Ok(Request::Heal {
            what: joined(what)?,
        }),
        _ => Err("lab: list, break LINK, narrow LINK RATE, heal LINK|all".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, String> {
        parse(
            std::iter::once("nhipcau")
                .chain(line.split_whitespace())
                .map(OsString::from),
        )
    }

    #[test]
    fn commands_are_read_in_any_order_of_options() {
        let Ok(Command::Run(options)) = read("--lab run --config /etc/a.yaml") else {
            panic!()
        };
        assert!(options.lab && options.config == Some("/etc/a.yaml".into()));
        assert!(matches!(read("check --reference"), Ok(Command::Reference)));
        assert!(matches!(
            read("check -c a"),
            Ok(Command::Check { config: Some(_) })
        ));
        assert!(matches!(read("--version"), Ok(Command::Version)));
        assert!(matches!(read("help"), Ok(Command::Help)));
        assert!(
            matches!(read("gst-record --odd"), Ok(Command::GstRecord(arguments)) if arguments.len() == 1)
        );
    }

    #[test]
    fn the_labs_words_become_requests() {
        let request = |line: &str| match read(line) {
            Ok(Command::Lab { request, .. }) => request,
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(request("lab list"), Request::List {});
        assert_eq!(
            request("lab break isr4431--r-tam-ky"),
            Request::Break {
                what: "isr4431--r-tam-ky".into()
            }
        );
        assert_eq!(
            request("lab break sensor ups-1 battery hot"),
            Request::Break {
                what: "sensor ups-1 battery hot".into()
            }
        );
        assert_eq!(
            request("lab narrow a 512k"),
            Request::Narrow {
                link: "a".into(),
                capacity_bps: 512_000
            }
        );
        assert_eq!(
            request("lab heal all"),
            Request::Heal { what: "all".into() }
        );
    }

    #[test]
    fn wrong_lines_are_refused() {
        for line in [
            "",
            "run now",
            "check --lab",
            "run --reference",
            "lab",
            "lab break",
            "lab narrow a",
            "lab narrow a 5",
            "lab narrow a 0k",
            "--odd",
            "run --config",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
