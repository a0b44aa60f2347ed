//! Recordings of real devices as agents: the load of polling benchmarks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use crate::LabError;
use crate::agent::Agent;
use crate::ber;
use crate::device::{Device, Live};
use crate::serve::{Clock, Station};
use crate::table::{Cell, Table};

/// Largest UDP payload over IPv4: a recording answers as net-snmp does, with all that fits.
const REPLY_BYTES_MAX: usize = 65_507;

/// A recording (`.snmprec`: `OID|TAG|VALUE` a line), sorted, ready to be served.
#[derive(Clone, Debug)]
pub struct Replay {
    table: Table,
    reply_bytes_max: usize,
}

/// A recording that is being served; dropping it ends the service.
#[derive(Debug)]
pub struct ReplayAgent {
    address: SocketAddr,
    device: Arc<Device>,
    task: JoinHandle<()>,
}

impl Replay {
    /// Reads a recording. `TAG` is the BER tag in decimal, followed by `x` when `VALUE` is hexadecimal and by `e` when it
    /// has escapes (`\n`, `\xNN`). Empty lines
    /// and lines that start with `#` are skipped; lines without a tag continue the text of the line before.
    ///
    /// # Errors
    /// [`LabError::Recording`] names the line of a bad OID, tag or value.
    pub fn load(text: &str) -> Result<Self, LabError> {
        let mut rows: Vec<(Vec<u32>, Cell)> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |reason: String| LabError::Recording {
                line: index + 1,
                reason,
            };
            match split(line) {
                Some((oid, tag, value)) => {
                    let name =
                        parse_oid(oid).ok_or_else(|| wrong(format!("`{oid}` is not an OID")))?;
                    rows.push((name, cell(tag, value).map_err(wrong)?));
                }
                None => match rows.last_mut() {
                    Some((_, Cell::Text(text))) => {
                        let mut longer = std::mem::take(text).into_vec();
                        longer.push(b'\n');
                        longer.extend_from_slice(line.as_bytes());
                        *text = longer.into();
                    }
                    _ => return Err(wrong("not `OID|TAG|VALUE`".to_owned())),
                },
            }
        }
        Ok(Self {
            table: Table::new(rows),
            reply_bytes_max: REPLY_BYTES_MAX,
        })
    }

    /// Makes replies no longer than `bytes` (484 to 65507); without this, as long as UDP allows.
    #[must_use]
    pub fn with_reply_bytes_max(mut self, bytes: usize) -> Self {
        self.reply_bytes_max = bytes.clamp(484, REPLY_BYTES_MAX);
        self
    }

    /// Number of variables.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Serves the recording on `address` (port 0 takes a free one) to every v1 and v2c request that
    /// carries `community`; must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`LabError::Bind`] when the address is taken.
    pub async fn serve(
        self,
        address: SocketAddr,
        community: &str,
    ) -> Result<ReplayAgent, LabError> {
        let refused = |source| LabError::Bind {
            device: "a recording".to_owned(),
            address,
            source,
        };
        let socket = UdpSocket::bind(address).await.map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        let device = Arc::new(Device::new(self.table, Live::default()));
        let agent = Agent {
            device: Arc::clone(&device),
            community: community.as_bytes().to_vec(),
            usm: None,
            reply_bytes_max: self.reply_bytes_max,
        };
        let task = tokio::spawn(Station::new(agent, socket, Clock::start()).serve());
        Ok(ReplayAgent {
            address,
            device,
            task,
        })
    }
}

impl ReplayAgent {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests answered so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.device.requests.load(Ordering::Relaxed)
    }

    /// Datagrams dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.device.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for ReplayAgent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn split(line: &str) -> Option<(&str, &str, &str)> {
    let (oid, rest) = line.split_once('|')?;
    let (tag, value) = rest.split_once('|')?;
    oid.bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
        .then_some((oid, tag, value))
}

fn parse_oid(text: &str) -> Option<Vec<u32>> {
    let arcs: Vec<u32> = text
        .trim_start_matches('.')
        .split('.')
        .map(|arc| arc.parse().ok())
        .collect::<Option<_>>()?;
    (2..=128).contains(&arcs.len()).then_some(arcs)
}

fn cell(tag: &str, value: &str) -> Result<Cell, String> {
    let (hex, escaped) = (tag.ends_with('x'), tag.ends_with('e'));
    let number = tag.trim_end_matches(['x', 'e']);
    let number: u8 = number
        .parse()
        .map_err(|_| format!("`{tag}` is not a tag"))?;
    let bytes = || {
        if hex {
            unhex(value)
        } else if escaped {
            unescape(value)
        } else {
            Ok(value.as_bytes().to_vec())
        }
    };
    let count = || -> Result<u64, String> {
        value
            .trim()
            .parse()
            .map_err(|_| format!("`{value}` is not a number"))
    };
    Ok(match number {
        ber::INTEGER => {
            let wide: i64 = value
                .trim()
                .parse()
                .map_err(|_| format!("`{value}` is not an INTEGER"))?;
            // Some recorders write INTEGERs unsigned: the 32 bits are what counts.
            Cell::Int(wide as i32)
        }
        ber::OCTET_STRING => Cell::Text(bytes()?.into()),
        ber::OBJECT_IDENTIFIER => {
            Cell::Oid(parse_oid(value.trim()).unwrap_or_else(|| vec![0, 0]).into())
        }
        ber::IP_ADDRESS if hex => Cell::Ip(
            unhex(value)?
                .try_into()
                .map_err(|_| format!("`{value}` is not an address"))?,
        ),
        ber::IP_ADDRESS => Cell::Ip(
            value
                .trim()
                .parse::<std::net::Ipv4Addr>()
                .map_err(|error| error.to_string())?
                .octets(),
        ),
        ber::COUNTER32 => Cell::Counter32(count()? as u32),
        ber::GAUGE32 => Cell::Gauge(count()? as u32),
        ber::TIME_TICKS => Cell::Ticks(count()? as u32),
        ber::COUNTER64 => Cell::Counter64(count()?),
        other => Cell::Raw(other, bytes()?.into()),
    })
}

/// Text with the escapes of a Python literal.
fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let wrong = || format!("`{text}` has a bad escape");
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next().ok_or_else(wrong)? {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                (digit().ok_or_else(wrong)? << 4 | digit().ok_or_else(wrong)?) as u8
            }
            other => other,
        });
    }
    Ok(out)
}

fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| char::from(byte).to_digit(16).map(|digit| digit as u8))
        .collect::<Option<_>>()
        .ok_or_else(|| format!("`{text}` is not hexadecimal"))?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if rest.is_empty() {
        Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
    } else {
        Err(format!("`{text}` has half a byte"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_lines_are_named() {
        for (text, line) in [
            ("1.3.6.1|2|1\n1.3.x|2|1", 2),
            ("1.3|zz|1", 1),
            ("1.3|4x|abc", 1),
            ("1.3|4e|a\\x1", 1),
            ("\n\nhello", 3),
        ] {
            match Replay::load(text) {
                Err(LabError::Recording { line: at, .. }) => assert_eq!(at, line, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        assert_eq!(
            Replay::load("1.3.6.1|2|1\n1.3.6.2|4x|0a 0B\n\n# note\n1.3.6.3|4|a\nb")
                .expect("loads")
                .len(),
            3
        );
    }
}
