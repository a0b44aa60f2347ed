//! What the words of the command line ask for. One file a family of commands; each reads its own words and carries itself out.

mod daemon;
mod inventory;
mod lab;
mod line;
mod load;
mod profile;
mod record;
mod report;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::edge::print;
use daemon::{Check, Run};
use inventory::Inventory;
use lab::Lab;
use line::Line;
use load::Load;
use profile::Profile;
use record::Record;

/// What `nhipcau help` prints: the lines of every family.
fn help() -> String {
    format!(
        "\
nhipcau: watches a province's devices and carries its conferences

  {}  {}  {}  {}  {}  {}  nhipcau version

FILE is /etc/nhipcau/nhipcau.yaml unless given; without any file the built-in defaults hold. conf.d/*.yaml beside it is joined to it.
",
        daemon::HELP,
        inventory::HELP,
        lab::HELP,
        profile::HELP,
        record::HELP,
        load::HELP
    )
}

/// One command.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Version,
    Check(Check),
    Run(Run),
    Inventory(Inventory),
    Lab(Lab),
    Profile(Profile),
    Record(Record),
    Load(Box<Load>),
    /// The child process that reads MIB files; not for people.
    ReadMibs(Vec<OsString>),
    /// The recording's child process; not for people.
    GstRecord(Vec<OsString>),
}

impl Command {
    /// Does it, to its end.
    pub(crate) fn carry_out(self) -> ExitCode {
        match self {
            Self::Help => print(&help()),
            Self::Version => print(concat!("nhipcau ", env!("CARGO_PKG_VERSION"), "\n")),
            Self::Check(check) => check.carry_out(),
            Self::Run(run) => run.carry_out(),
            Self::Inventory(inventory) => inventory.carry_out(),
            Self::Lab(lab) => lab.carry_out(),
            Self::Profile(profile) => profile.carry_out(),
            Self::Record(record) => record.carry_out(),
            Self::Load(load) => load.carry_out(),
            Self::ReadMibs(arguments) => nhipcau::mibs::run_child(&arguments),
            // Before any thread is started: the child limits itself first.
            Self::GstRecord(arguments) => nhipcau_media_gst::run_child(arguments),
        }
    }
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
    if arguments
        .peek()
        .is_some_and(|first| first == nhipcau::mibs::SUBCOMMAND)
    {
        return Ok(Command::ReadMibs(arguments.skip(1).collect()));
    }
    let mut line =
        Line::read(program.into_iter().chain(arguments)).map_err(|error| error.to_string())?;
    let command = of(&mut line)?;
    line.finish()?;
    Ok(command)
}

fn of(line: &mut Line) -> Result<Command, String> {
    let words = line.words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if line.flag("help") || matches!(words[..], ["help"]) {
        line.forget();
        return Ok(Command::Help);
    }
    if line.flag("version") || matches!(words[..], ["version"]) {
        return Ok(Command::Version);
    }
    match words[..] {
        ["run"] => Ok(Command::Run(Run::read(line)?)),
        ["check"] => Ok(Command::Check(Check::read(line)?)),
        ["inventory", ref words @ ..] => Ok(Command::Inventory(Inventory::read(words, line)?)),
        ["lab", ref words @ ..] => Ok(Command::Lab(Lab::read(words, line)?)),
        ["profile", ref words @ ..] => Ok(Command::Profile(Profile::read(words, line)?)),
        ["record", ref words @ ..] => Ok(Command::Record(Record::read(words, line)?)),
        ["load"] => Ok(Command::Load(Box::new(Load::read(line)?))),
        [] => Err("what shall it do?".into()),
        [other, ..] => Err(format!("there is no command {other:?} with these words")),
    }
}

#[cfg(test)]
mod tests {
    use nhipcau::control::Request;

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
        let Ok(Command::Run(Run(options))) = read("--lab run --config /etc/a.yaml") else {
            panic!()
        };
        assert!(options.lab && options.config == Some("/etc/a.yaml".into()));
        assert!(matches!(
            read("check --reference"),
            Ok(Command::Check(Check::Reference))
        ));
        assert!(matches!(
            read("check -c a"),
            Ok(Command::Check(Check::Files(Some(_))))
        ));
        assert!(matches!(read("--version"), Ok(Command::Version)));
        assert!(matches!(read("help"), Ok(Command::Help)));
        assert!(matches!(read("run --lab --help"), Ok(Command::Help)));
        assert!(
            matches!(read("gst-record --odd"), Ok(Command::GstRecord(arguments)) if arguments.len() == 1)
        );
    }

    #[test]
    fn the_labs_words_become_requests() {
        let request = |line: &str| match read(line) {
            Ok(Command::Lab(Lab { request, .. })) => request,
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
    fn the_benchs_words_are_read() {
        assert!(matches!(
            read("profile test auto a.snmprec --format json"),
            Ok(Command::Profile(Profile::Test { json: true, .. }))
        ));
        assert!(matches!(
            read("profile lint a.yaml b.yaml"),
            Ok(Command::Profile(Profile::Lint { files, .. })) if files.len() == 2
        ));
        assert!(matches!(
            read("profile learn 10.0.0.1 --credential read -o x.yaml"),
            Ok(Command::Profile(Profile::Learn {
                output: Some(_),
                ..
            }))
        ));
        assert!(matches!(
            read("record r1 --anonymise --tables 1.3.6.1.2.1.2,1.3.6.1.2.1.31 --deadline 60"),
            Ok(Command::Record(Record { anonymise: true, ref tables, .. })) if tables.len() == 2
        ));
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
            "run --lab=yes",
            "run -c a -c b",
            "profile",
            "profile test auto",
            "profile lint",
            "profile test auto a --format xml",
            "record",
            "record a --tables x",
            "record a --deadline soon",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
