//! `nhipcau record` and `nhipcau profile …`: the bench on which profiles are made, without a running daemon. Walks a device by the
//! configuration's own credentials.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_snmp::{Client, Retry};
use nhipcau_inventory::poller::{FetchError, Op};
use nhipcau_inventory::recording::Recording;
use nhipcau_inventory::workbench::{Outcome, Question, Recorder, RecorderConfig};
use nhipcau_inventory::{Oid, ProfileSet, Varbind};

use crate::config::{Access, Config, Credential};
use crate::drive::credential::Keys;
use crate::drive::snmp::{fetch_error, varbind};

/// Where SNMP agents listen.
const SNMP_PORT: u16 = 161;
/// Largest datagram that SNMP over UDP can carry.
const DATAGRAM_BYTES_MAX: usize = 65_507;

/// The families of devices: those that ship, and those of the configuration's directory.
///
/// # Errors
/// Every mistake in them, a line each.
pub fn profiles(config: &Config) -> Result<ProfileSet, String> {
    crate::assembly::profiles(config)
}

/// A device to record.
#[derive(Debug, Clone)]
pub struct Subject {
    address: SocketAddr,
    credentials: Vec<Credential>,
}

impl Subject {
    /// A device of the configuration by its id, or an address together with a credential's name.
    ///
    /// # Errors
    /// One sentence for the person who typed it.
    pub fn find(config: &Config, device: &str, credential: Option<&str>) -> Result<Self, String> {
        let named = |name: &str| {
            config
                .credentials
                .iter()
                .find(|c| c.name == name)
                .cloned()
                .ok_or_else(|| format!("the configuration has no credential {name:?}"))
        };
        let (address, own) = match config.devices.iter().find(|d| d.id == device) {
            Some(found) => (found.address, found.credentials.clone()),
            None => {
                let address = address(device).ok_or_else(|| {
                    format!("{device:?} is no device of the configuration, and no address")
                })?;
                (address, Vec::new())
            }
        };
        let names: Vec<String> = credential.map_or(own, |name| vec![name.to_owned()]);
        if names.is_empty() {
            return Err("an address needs --credential NAME of the configuration".into());
        }
        Ok(Self {
            address,
            credentials: names
                .iter()
                .map(|name| named(name))
                .collect::<Result<_, _>>()?,
        })
    }
}

fn address(text: &str) -> Option<SocketAddr> {
    text.parse()
        .ok()
        .or_else(|| Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, SNMP_PORT)))
}

/// Every secret of the configuration's credentials that can be read: none of them may stand in a recording.
#[must_use]
pub fn secrets(config: &Config) -> Vec<String> {
    config
        .credentials
        .iter()
        .filter_map(|credential| Keys::read(credential).ok())
        .flat_map(|keys| keys.secrets().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// Walks a device from end to end: one question at a time, with the first of its credentials that it answers. `roots` limits the walk
/// to those subtrees; `progress` hears how many variables there are.
///
/// # Errors
/// Why nothing came at all.
pub async fn record(
    subject: &Subject,
    roots: Vec<Oid>,
    deadline: Duration,
    mut progress: impl FnMut(usize),
) -> Result<Outcome, String> {
    let mut refusals = Vec::new();
    for credential in &subject.credentials {
        let config = RecorderConfig {
            roots: roots.clone(),
            deadline,
            bulk: !matches!(credential.access, Access::V1 { .. }),
            ..RecorderConfig::default()
        };
        let outcome = walk(subject.address, credential, config, &mut progress).await?;
        if !outcome.recording.objects.is_empty() {
            return Ok(outcome);
        }
        refusals.push(format!(
            "{}: {}",
            credential.name,
            outcome
                .troubles
                .first()
                .map_or("nothing there", |t| t.what.as_str())
        ));
    }
    Err(format!(
        "{} said nothing ({})",
        subject.address,
        refusals.join("; ")
    ))
}

async fn walk(
    address: SocketAddr,
    credential: &Credential,
    config: RecorderConfig,
    progress: &mut impl FnMut(usize),
) -> Result<Outcome, String> {
    let keys = Keys::read(credential).map_err(|error| error.to_string())?;
    let auth = keys.auth(None).map_err(|error| error.to_string())?;
    let local = if address.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let transport = async_snmp::transport::UdpTransport::builder()
        .bind(local)
        .receive_capacity(DATAGRAM_BYTES_MAX)
        .build()
        .await
        .map_err(|error| error.to_string())?;
    // The longest wait of all; each question has its own below.
    let client = Client::builder(address, auth)
        .request_timeout(config.request_timeout * 3)
        .retry(Retry::none())
        .build_with(&transport)
        .await
        .map_err(|error| error.to_string())?;
    let mut recorder = Recorder::new(config);
    while let Some(question) = recorder.poll_output(Instant::now()) {
        let answer = ask(&client, &question).await;
        recorder.handle_input(answer);
        progress(recorder.len());
    }
    Ok(recorder.finish())
}

async fn ask(
    client: &Client<async_snmp::transport::UdpHandle>,
    question: &Question,
) -> Result<Vec<Varbind>, FetchError> {
    let oids: Vec<async_snmp::Oid> = question
        .oids
        .iter()
        .map(|oid| async_snmp::Oid::new(oid.arcs()))
        .collect();
    let asked = async {
        match question.op {
            Op::Get => client.get_many(&oids).await.map(|r| r.varbinds),
            Op::GetNext => client.get_next_many(&oids).await.map(|r| r.varbinds),
            Op::GetBulk { max_repetitions } => client.get_bulk(&oids, 0, max_repetitions).await,
        }
    };
    match tokio::time::timeout(question.timeout, asked).await {
        Err(_) => Err(FetchError::Timeout),
        Ok(Err(error)) => Err(fetch_error(&error)),
        Ok(Ok(received)) => received.into_iter().map(varbind).collect(),
    }
}

/// What a profile makes of a recording; `None` for `profile` lets the device be recognised.
#[must_use]
pub fn read(
    recording: &Recording,
    profiles: &Arc<ProfileSet>,
    profile: Option<&str>,
) -> Option<Arc<nhipcau_inventory::Collection>> {
    recording.read(profiles, profile, Instant::now())
}
