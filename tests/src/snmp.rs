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
    // Its boots counter would be written to the home directory of whoever runs the tests.
    program::run(command.env("MIBS", "").env(
        "SNMP_PERSISTENT_DIR",
        folder.join(format!("nhipcau-snmp-{}", std::process::id())),
    ))
}
