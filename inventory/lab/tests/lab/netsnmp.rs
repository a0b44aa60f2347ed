//! net-snmp as a real peer.

use std::process::Command;

use nhipcau_lab::LabUser;

use crate::{address, lab};

/// Runs a program of net-snmp; `None` when it is not installed.
async fn run(program: &'static str, arguments: Vec<String>) -> Option<(bool, String)> {
    #[allow(
        clippy::disallowed_methods,
        reason = "the peer of these tests is a program"
    )]
    let output =
        tokio::task::spawn_blocking(move || Command::new(program).args(arguments).output());
    match output.await.expect("the task ends") {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            Some((
                output.status.success(),
                String::from_utf8_lossy(&text).into_owned(),
            ))
        }
        Err(_) => {
            eprintln!("SKIPPED: {program} is not installed (Debian package `snmp`)");
            None
        }
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn v3(user: &LabUser) -> String {
    format!(
        "-v3 -l authPriv -u {} -a SHA-256 -A {} -x AES -X {} -t 2 -r 1 -On",
        user.name, user.auth_password, user.privacy_password
    )
}

#[tokio::test]
async fn every_version_is_answered() {
    let lab = lab(1).await;
    let user = LabUser::default();
    let to = address(&lab, "isr4431");
    for options in ["-v1 -c public -On", "-v2c -c public -On", &v3(&user)] {
        let arguments = words(&format!(
            "{options} {to} 1.3.6.1.2.1.1.2.0 1.3.6.1.2.1.1.5.0"
        ));
        let Some((well, text)) = run("snmpget", arguments).await else {
            return;
        };
        assert!(well, "{options}: {text}");
        assert!(text.contains(".1.3.6.1.4.1.9.1.1935"), "{options}: {text}");
        assert!(text.contains("isr4431.qnam"), "{options}: {text}");
    }
    lab.stop().await;
}

#[tokio::test]
async fn the_protocol_answers_versions_that_lack_a_value_in_their_way() {
    let lab = lab(2).await;
    let to = address(&lab, "isr4431");
    // A Counter64 does not exist for v1; ifHCInOctets.1 → the next thing that does.
    let counter = "1.3.6.1.2.1.31.1.1.1.6.1";
    let Some((_, text)) = run(
        "snmpget",
        words(&format!("-v1 -c public -On {to} {counter}")),
    )
    .await
    else {
        return;
    };
    assert!(text.contains("noSuchName"), "{text}");
    let (_, text) = run(
        "snmpgetnext",
        words(&format!("-v1 -c public -On {to} {counter}")),
    )
    .await
    .expect("installed");
    assert!(text.contains(".1.3.6.1.2.1.31.1.1.1.14.1 "), "{text}");
    let (_, text) = run(
        "snmpget",
        words(&format!("-v2c -c public -On {to} {counter}")),
    )
    .await
    .expect("installed");
    assert!(text.contains("Counter64"), "{text}");
    for (name, said) in [
        ("1.3.6.1.2.1.1.5.7", "No Such Instance"),
        ("1.3.6.1.9.9.9", "No Such Object"),
    ] {
        let (_, text) = run("snmpget", words(&format!("-v2c -c public -On {to} {name}")))
            .await
            .expect("installed");
        assert!(text.contains(said), "{text}");
    }
    let set = words(&format!("-v2c -c public -On {to} 1.3.6.1.2.1.1.5.0 s x"));
    let (well, text) = run("snmpset", set).await.expect("installed");
    assert!(!well && text.contains("notWritable"), "{text}");
    lab.stop().await;
}

#[tokio::test]
async fn wrong_credentials_are_refused_by_name_or_by_silence() {
    let lab = lab(3).await;
    let to = address(&lab, "ftd1");
    let user = LabUser::default();
    let sys_name = "1.3.6.1.2.1.1.5.0";
    let ask = |options: String| run("snmpget", words(&format!("{options} {to} {sys_name}")));
    let Some((well, text)) = ask("-v2c -c secret -t 0.3 -r 0".to_owned()).await else {
        return;
    };
    assert!(!well && text.contains("Timeout"), "{text}");

    let wrong_user = LabUser {
        name: "nobody".to_owned(),
        ..user.clone()
    };
    let (_, text) = ask(v3(&wrong_user)).await.expect("installed");
    assert!(text.contains("Unknown user name"), "{text}");
    let wrong_auth = LabUser {
        auth_password: "not-the-password".to_owned(),
        ..user.clone()
    };
    let (_, text) = ask(v3(&wrong_auth)).await.expect("installed");
    assert!(text.contains("Authentication failure"), "{text}");
    let wrong_privacy = LabUser {
        privacy_password: "not-the-password".to_owned(),
        ..user.clone()
    };
    let (well, text) = ask(v3(&wrong_privacy).replace("-t 2 -r 1", "-t 0.5 -r 0"))
        .await
        .expect("installed");
    assert!(!well, "{text}");
    let plain = format!(
        "-v3 -l authNoPriv -u {} -a SHA-256 -A {} -t 2 -r 0",
        user.name, user.auth_password
    );
    let (well, text) = ask(plain).await.expect("installed");
    assert!(
        !well && text.contains("nsupported security level"),
        "{text}"
    );

    let (well, _) = ask(v3(&user)).await.expect("installed");
    assert!(well, "the right user is still welcome");
    lab.stop().await;
}

#[tokio::test]
async fn a_whole_walk_is_taken_by_a_strict_walker() {
    let lab = lab(4).await;
    let user = LabUser::default();
    for id in ["core4503", "srv1", "ups1", "r-xa-tra-giang"] {
        let device = lab
            .list()
            .devices
            .into_iter()
            .find(|device| device.id == id)
            .expect("is there");
        for options in ["-v2c -c public -On -Cr50", &format!("{} -Cr50", v3(&user))] {
            // Without -Cc net-snmp itself stops at a name that does not rise.
            let arguments = words(&format!("{options} {} .1", device.address));
            let Some((well, text)) = run("snmpbulkwalk", arguments).await else {
                return;
            };
            assert!(well, "{id}: {text}");
            assert!(!text.contains("not increasing"), "{id}: {text}");
            let rows = text.lines().filter(|line| line.starts_with(".1.")).count();
            assert!(
                rows > device.variables * 9 / 10,
                "{id}: {rows} of {}",
                device.variables
            );
        }
    }
    lab.stop().await;
}
