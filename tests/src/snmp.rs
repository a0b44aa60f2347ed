//! net-snmp: a real agent, a real manager, a real sender of notifications.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::program::{self, Outcome, Program};
use crate::{place, wait};

/// Any port above 1023, the same on every agent's own address.
const PORT: u16 = 1161;
/// Community of [`Snmpd`] and of v2c notifications.
pub const COMMUNITY: &str = "cong-dong-thu";
/// SNMPv3 user of [`Snmpd`] and of v3 notifications: SHA-256 and AES-128.
pub const USER: &str = "giamsat";
/// Authentication password of [`USER`].
pub const AUTH_PASSWORD: &str = "xac-thuc-giam-sat";
/// Privacy password of [`USER`].
pub const PRIVACY_PASSWORD: &str = "ma-hoa-giam-sat";
/// sysName of [`Snmpd`].
pub const SYS_NAME: &str = "may-that.qnam";

/// Debian's `snmpd` on addresses of its own.
#[derive(Debug)]
pub struct Snmpd {
    ips: Vec<Ipv4Addr>,
    _program: Program,
    _folder: TempDir,
}

impl Snmpd {
    /// Starts one agent that listens on so many addresses; `None` (said loudly) when net-snmp is not installed.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn start(addresses: usize) -> Option<Self> {
        let snmpd = program::installed("snmpd", "snmpd")?;
        program::installed("snmpget", "snmp")?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ips: Vec<Ipv4Addr> = (0..addresses).map(|_| place::address()).collect();
        let listen: Vec<String> = ips.iter().map(|ip| format!("udp:{ip}:{PORT}")).collect();
        let mut text = format!("agentaddress {}\n", listen.join(","));
        let _ = write!(
            text,
            "rocommunity {COMMUNITY}\ncreateUser {USER} SHA-256 \"{AUTH_PASSWORD}\" AES \"{PRIVACY_PASSWORD}\"\nrouser {USER} authpriv\n\
             sysName {SYS_NAME}\nsysLocation Trung tam du lieu\nsysContact truc@qnam\n"
        );
        // Not `snmpd.conf`: under that name net-snmp keeps its own state.
        let conf = folder.path().join("agent.conf");
        std::fs::write(&conf, text).expect("the folder takes a file");
        let mut command = Command::new(snmpd);
        command
            .args([
                "-f",
                "-Lo",
                "-C",
                "-I",
                "-smux,mteTrigger,mteTriggerConf",
                "-c",
            ])
            .arg(&conf);
        command
            .env("SNMP_PERSISTENT_DIR", folder.path())
            .env("MIBS", "");
        let program = Program::start("snmpd", &mut command, folder.path());
        let agent = Self {
            ips,
            _program: program,
            _folder: folder,
        };
        wait::until("snmpd", || {
            agent
                .get("1.3.6.1.2.1.1.5.0")
                .status
                .success()
                .then_some(())
        });
        Some(agent)
    }

    /// One of its addresses.
    #[must_use]
    pub fn address(&self, number: usize) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.ips[number]), PORT)
    }

    /// `snmpget` of one object, v2c.
    #[must_use]
    pub fn get(&self, oid: &str) -> Outcome {
        self.manage("snmpget", oid)
    }

    /// Values of one column as net-snmp prints them without types, in the order of the index, empty when there are none.
    #[must_use]
    pub fn column(&self, oid: &str) -> Vec<(String, String)> {
        let outcome = self.manage("snmpbulkwalk", oid);
        let root = format!(".{oid}.");
        let rows = outcome.out.lines().filter_map(|line| {
            let (name, value) = line.split_once(' ')?;
            Some((
                name.strip_prefix(&root)?.to_owned(),
                value.trim_matches('"').to_owned(),
            ))
        });
        rows.collect()
    }

    fn manage(&self, tool: &str, oid: &str) -> Outcome {
        let mut command = Command::new(tool);
        command.args([
            "-v2c", "-c", COMMUNITY, "-On", "-Oq", "-Ot", "-t", "2", "-r", "1",
        ]);
        program::run(
            command
                .arg(self.address(0).to_string())
                .arg(oid)
                .env("MIBS", ""),
        )
    }
}

/// Options of a v2c notification.
#[must_use]
pub fn v2c(community: &str) -> Vec<String> {
    ["-v2c", "-c", community].map(str::to_owned).into()
}

/// Options of a v3 notification by [`USER`].
#[must_use]
pub fn v3() -> Vec<String> {
    [
        "-v3",
        "-l",
        "authPriv",
        "-u",
        USER,
        "-a",
        "SHA-256",
        "-A",
        AUTH_PASSWORD,
        "-x",
        "AES",
        "-X",
        PRIVACY_PASSWORD,
    ]
    .map(str::to_owned)
    .into()
}

/// Sends a notification with net-snmp's `snmptrap` or `snmpinform`, from an address of this machine: `linkDown` of port 7.
#[must_use]
pub fn notify(tool: &str, options: &[String], from: Ipv4Addr, to: SocketAddr) -> Outcome {
    notify_with(tool, options, from, to, &[])
}

/// As [`notify`], with more variables: name, type and value of each.
#[must_use]
pub fn notify_with(
    tool: &str,
    options: &[String],
    from: Ipv4Addr,
    to: SocketAddr,
    more: &[&str],
) -> Outcome {
    let folder: PathBuf = std::env::temp_dir();
    let mut command = Command::new(tool);
    command
        .args(options)
        .args(["-t", "2", "-r", "1", &format!("--clientaddr={from}")])
        .arg(to.to_string());
    command.args([
        "",
        "1.3.6.1.6.3.1.1.5.3",
        "1.3.6.1.2.1.2.2.1.1.7",
        "i",
        "7",
        "1.3.6.1.2.1.2.2.1.8.7",
        "i",
        "2",
    ]);
    command.args(more);
    // Its boots counter would be written to the home directory of whoever runs the tests.
    program::run(command.env("MIBS", "").env(
        "SNMP_PERSISTENT_DIR",
        folder.join(format!("nhipcau-snmp-{}", std::process::id())),
    ))
}

/// An SNMPv2c notification (RFC 3416 §4.2.6) by hand: linkUp with `ifIndex.NUMBER = NUMBER`, sysUpTime `number` as well, so that no two
/// are duplicates.
#[must_use]
pub fn notification(inform: bool, request_id: i32, number: u32) -> Vec<u8> {
    let oid = |arcs: &[u8]| tlv(0x06, arcs);
    let counted = |tag: u8| tlv(tag, &(number & 0x7fff_ffff).to_be_bytes());
    let binding = |name: Vec<u8>, value: Vec<u8>| tlv(0x30, &[name, value].concat());
    let uptime = binding(oid(&[0x2b, 6, 1, 2, 1, 1, 3, 0]), counted(0x43));
    let trap = binding(
        oid(&[0x2b, 6, 1, 6, 3, 1, 1, 4, 1, 0]),
        oid(&[0x2b, 6, 1, 6, 3, 1, 1, 5, 4]),
    );
    let mut index = vec![0x2b, 6, 1, 2, 1, 2, 2, 1, 1];
    // An arc in base 128, the last byte without the high bit.
    let groups = (0..5).rev().map(|n| (number >> (7 * n)) as u8 & 0x7f);
    let significant: Vec<u8> = groups.skip_while(|group| *group == 0).collect();
    let (last, head) = significant.split_last().unwrap_or((&0, &[]));
    index.extend(head.iter().map(|group| group | 0x80));
    index.push(*last);
    let index = binding(oid(&index), counted(0x02));
    let varbinds = tlv(0x30, &[uptime, trap, index].concat());
    let head = [
        tlv(0x02, &request_id.to_be_bytes()),
        tlv(0x02, &[0]),
        tlv(0x02, &[0]),
    ];
    let pdu = tlv(
        if inform { 0xa6 } else { 0xa7 },
        &[head.concat(), varbinds].concat(),
    );
    let message = [tlv(0x02, &[1]), tlv(0x04, COMMUNITY.as_bytes()), pdu];
    tlv(0x30, &message.concat())
}

/// A BER element with a short or one-byte length.
///
/// # Panics
/// With more than 255 bytes.
#[must_use]
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("a short element");
    match length {
        0..0x80 => [&[tag, length], content].concat(),
        _ => [&[tag, 0x81, length], content].concat(),
    }
}
