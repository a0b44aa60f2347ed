//! A link that breaks in the province: one run, one mail, one webhook call; and the same once more when it heals.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use nhipcau_tests::daemon::{Daemon, Setup};
use nhipcau_tests::program::{self, Program};
use nhipcau_tests::{missing, place, wait};
use serde_json::Value;

const SMTP_PORT: u16 = 11025;
const WEBHOOK_PORT: u16 = 18081;

/// A real mail server that prints each mail as one line of JSON.
const MAIL_SERVER: &str = r#"
import json, sys, threading
from email import message_from_bytes, policy
from aiosmtpd.controller import Controller
class Handler:
    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.content, policy=policy.default)
        print(json.dumps({"to": envelope.rcpt_tos, "subject": mail["subject"], "text": mail.get_content()}), flush=True)
        return "250 taken"
Controller(Handler(), hostname=sys.argv[1], port=int(sys.argv[2])).start()
print("ready", flush=True)
threading.Event().wait()
"#;

fn mail_server(ip: Ipv4Addr, folder: &std::path::Path) -> Option<Program> {
    // Debian's own Python, where the package puts the module; another in PATH would not find it.
    let python = PathBuf::from("/usr/bin/python3");
    if !python.is_file()
        || !program::run(Command::new(&python).args(["-c", "import aiosmtpd"]))
            .status
            .success()
    {
        missing(
            "aiosmtpd is not installed (Debian package python3-aiosmtpd; `make test` installs it)",
        );
        return None;
    }
    let mut command = Command::new(python);
    command.args(["-c", MAIL_SERVER, &ip.to_string(), &SMTP_PORT.to_string()]);
    let server = Program::start("mail", &mut command, folder);
    wait::until("the mail server", || {
        server.out().contains("ready").then_some(())
    });
    Some(server)
}

/// Takes webhook calls; each as its headers (lower case) and body.
fn webhook(ip: Ipv4Addr) -> Receiver<(String, Value)> {
    let listener = TcpListener::bind((ip, WEBHOOK_PORT)).expect("the address is ours");
    let (sender, calls) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            let mut stream = BufReader::new(stream);
            let mut head = String::new();
            while stream.read_line(&mut head).is_ok_and(|length| length > 2) {}
            let head = head.to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())
                .unwrap_or(0);
            let mut body = vec![0; length.min(1 << 20)];
            let _ = stream.read_exact(&mut body);
            let _ = stream.get_mut().write_all(
                b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            );
            if sender
                .send((head, serde_json::from_slice(&body).unwrap_or_default()))
                .is_err()
            {
                return;
            }
        }
    });
    calls
}

#[test]
fn a_broken_link_tells_once_and_its_healing_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ip = place::address();
    let Some(mails) = mail_server(ip, folder.path()) else {
        return;
    };
    let calls = webhook(ip);
    let config = format!(
        "smtp: {{host: \"{ip}\", port: {SMTP_PORT}, tls: none, from: nhipcau@quangnam.example}}\nwebhook: {{allow: [\"{ip}\"]}}\n\
         channels: {{on-call: {{smtp: [truc@quangnam.example], webhook: \"env:HOOK\", webhook_key: \"env:KEY\"}}}}\n"
    );
    let env = [
        ("HOOK", format!("http://{ip}:{WEBHOOK_PORT}/goi")),
        ("KEY", "khoa-ky".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    let daemon = Daemon::start(Setup {
        lab: true,
        config,
        env: env.into(),
        ..Setup::default()
    });
    let admin = daemon.admin();
    let devices = daemon.settled(&admin);
    let lines = || {
        mails
            .out()
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .collect::<Vec<_>>()
    };
    assert!(
        lines().is_empty(),
        "nobody is told of anything yet: {:?}",
        lines()
    );

    let _ = daemon.lab(&["break", "isr4431--r-bac-tra-my"]);
    let mail = wait::until("the mail", || lines().into_iter().next());
    assert_eq!(mail["to"], serde_json::json!(["truc@quangnam.example"]));
    let text = format!("{} {}", mail["subject"], mail["text"]);
    for word in ["Gi0/", "Bộ định tuyến ISR 4431", "Trà Giang"] {
        assert!(text.contains(word), "{word} in {text}");
    }
    let (head, body) = wait::until("the webhook's call", || calls.try_recv().ok());
    assert!(head.contains("x-nhipcau-signature: v1="), "{head}");
    assert!(
        body.to_string().contains("Bộ định tuyến ISR 4431"),
        "{body}"
    );

    let runs = admin.get("/runs");
    let of_link: Vec<&Value> = runs
        .as_array()
        .expect("a list")
        .iter()
        .filter(|run| run["playbook"] == "link-down")
        .collect();
    assert_eq!(of_link.len(), 1, "{runs}");
    assert_eq!(of_link[0]["state"], "waiting", "{runs}");
    assert_eq!(of_link[0]["steps"][0]["state"], "done", "{runs}");

    // What stands behind is held back: shown behind the cause, told to nobody.
    let cause = wait::until("the devices behind the cause", || {
        let incidents = admin.get("/incidents?open=true");
        let cause = incidents
            .as_array()?
            .iter()
            .find(|incident| incident["reason"]["code"] == "link_down")?
            .clone();
        cause["behind"]
            .as_array()
            .is_some_and(|behind| behind.len() > 1)
            .then_some(cause)
    });
    assert_eq!(cause["device"], "isr4431", "{cause}");
    assert_eq!(
        cause["run_ids"].as_array().map(Vec::len),
        Some(1),
        "{cause}"
    );
    assert_eq!(lines().len(), 1, "{:?}", lines());

    let _ = daemon.lab(&["heal", "all"]);
    let recovered = wait::until("the mail of the recovery", || lines().into_iter().nth(1));
    assert!(
        recovered["subject"]
            .as_str()
            .is_some_and(|subject| subject.contains("khôi phục")),
        "{recovered}"
    );
    let run = of_link[0]["id"].clone();
    let run = wait::until("the run's end", || {
        Some(admin.get(&format!("/runs/{run}"))).filter(|run| run["state"] == "done")
    });
    assert!(run["finished_at"].is_string(), "{run}");
    assert_eq!(daemon.settled(&admin), devices);
    assert_eq!(
        lines().len(),
        2,
        "no device behind was told of: {:?}",
        lines()
    );
}
