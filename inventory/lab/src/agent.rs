//! From a request datagram to a reply datagram: v1, v2c (RFC 3416) here, v3 in [`crate::usm`].

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_snmp::ber::Decoder;
use async_snmp::{DecodeConfig, Oid};
use bytes::Bytes;

use crate::ber::{self, Bound};
use crate::device::{Device, Live, Reading};
use crate::table::Table;
use crate::usm::Usm;

const GET: u8 = 0xa0;
const GET_NEXT: u8 = 0xa1;
pub(crate) const RESPONSE: u8 = 0xa2;
const SET: u8 = 0xa3;
const GET_BULK: u8 = 0xa5;

const TOO_BIG: i32 = 1;
const NO_SUCH_NAME: i32 = 2;
const NOT_WRITABLE: i32 = 17;

/// Variables in one request; a request with more is answered with tooBig, as a device with little memory does.
const VARIABLES_MAX: usize = 256;
/// Variables in one reply, whatever its size.
const REPLY_VARIABLES_MAX: usize = 8192;
/// Room that the message around the bindings takes, v1 and v2c, without the community: headers and integers.
const ENVELOPE_BYTES: usize = 40;

/// An agent: the device that it speaks for, and whom it answers.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) device: Arc<Device>,
    pub(crate) community: Vec<u8>,
    pub(crate) usm: Option<Usm>,
    pub(crate) reply_bytes_max: usize,
}

/// What a datagram made of an agent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Reply(Vec<u8>),
    /// Malformed, or not for this agent: counted, not answered.
    Drop,
    /// A Response with this request-id: it confirms an inform.
    Confirmed(i32),
}

/// A request PDU.
pub(crate) struct Request {
    pub(crate) tag: u8,
    pub(crate) request_id: i32,
    /// error-status, or non-repeaters of a GETBULK.
    first: i32,
    /// error-index, or max-repetitions of a GETBULK.
    second: i32,
    names: Vec<Oid>,
    /// The bindings as they came, for replies that repeat them.
    raw: Bytes,
}

/// The answer to a request: everything of a Response PDU but its id.
pub(crate) struct Answer {
    pub(crate) status: i32,
    pub(crate) index: i32,
    pub(crate) bindings: Vec<u8>,
}

impl Request {
    /// Reads a PDU; `None` when it is malformed.
    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Option<Self> {
        let tag = decoder.peek_tag()?;
        let mut pdu = decoder.read_constructed(tag).ok()?;
        if !matches!(tag, GET | GET_NEXT | RESPONSE | SET | GET_BULK) {
            return None;
        }
        let request_id = pdu.read_integer().ok()?;
        let first = pdu.read_integer().ok()?;
        let second = pdu.read_integer().ok()?;
        let mut list = pdu.read_sequence().ok()?;
        if !pdu.is_empty() {
            return None;
        }
        let raw = list.as_bytes().clone();
        let mut names = Vec::with_capacity(8);
        while !list.is_empty() {
            let mut binding = list.read_sequence().ok()?;
            let name = binding.read_oid().ok()?;
            binding.skip_tlv().ok()?;
            if !binding.is_empty() {
                return None;
            }
            // Beyond the limit names are counted, not kept.
            if names.len() <= VARIABLES_MAX {
                names.push(name);
            }
        }
        Some(Self {
            tag,
            request_id,
            first,
            second,
            names,
            raw,
        })
    }
}

impl Agent {
    /// Handles one datagram at `now` (seconds since 1970) and counts it.
    pub(crate) fn handle(&self, datagram: &[u8], now: f64) -> Outcome {
        let outcome = self.process(datagram, now);
        let counter = if matches!(outcome, Outcome::Drop) {
            &self.device.dropped
        } else {
            &self.device.requests
        };
        counter.fetch_add(1, Ordering::Relaxed);
        outcome
    }

    fn process(&self, datagram: &[u8], now: f64) -> Outcome {
        let data = Bytes::copy_from_slice(datagram);
        let mut outer = Decoder::new(data.clone()).with_decode_config(DecodeConfig::STRICT);
        let Ok(mut message) = outer.read_sequence() else {
            return Outcome::Drop;
        };
        if !outer.is_empty() {
            return Outcome::Drop;
        }
        match message.read_integer() {
            Ok(version @ (0 | 1)) => self
                .community(version, &mut message, now)
                .unwrap_or(Outcome::Drop),
            Ok(3) => self
                .usm
                .as_ref()
                .and_then(|usm| usm.handle(self, &data, now))
                .map_or(Outcome::Drop, Outcome::Reply),
            _ => Outcome::Drop,
        }
    }

    fn community(&self, version: i32, message: &mut Decoder<'_>, now: f64) -> Option<Outcome> {
        let community = message.read_octet_string().ok()?;
        let vlan = match community.strip_prefix(self.community.as_slice())? {
            [] => None,
            [b'@', vlan @ ..] => Some(self.vlan(vlan)?),
            _ => return None,
        };
        let request = Request::decode(message)?;
        if !message.is_empty() {
            return None;
        }
        if request.tag == RESPONSE {
            return Some(Outcome::Confirmed(request.request_id));
        }
        let room = self
            .reply_bytes_max
            .saturating_sub(ENVELOPE_BYTES + self.community.len());
        let answer = self.answer(&request, vlan, version == 0, room, now)?;
        let reply = ber::community_message(
            i64::from(version),
            &community,
            RESPONSE,
            request.request_id,
            answer.status,
            answer.index,
            &answer.bindings,
        );
        Some(Outcome::Reply(reply))
    }

    /// The VLAN that a context names, when the device has it.
    pub(crate) fn vlan(&self, name: &[u8]) -> Option<u16> {
        let vlan = std::str::from_utf8(name).ok()?.parse().ok()?;
        self.device.vlans.contains_key(&vlan).then_some(vlan)
    }

    /// Answers a request with at most `room` bytes of bindings; `None` when it cannot be answered at all.
    pub(crate) fn answer(
        &self,
        request: &Request,
        vlan: Option<u16>,
        v1: bool,
        room: usize,
        now: f64,
    ) -> Option<Answer> {
        if v1 && request.tag == GET_BULK {
            return None;
        }
        let repeat = |status: i32, index: usize| {
            let bindings = if request.raw.len() <= room {
                request.raw.to_vec()
            } else {
                Vec::new()
            };
            Some(Answer {
                status,
                index: index as i32,
                bindings,
            })
        };
        if request.names.len() > VARIABLES_MAX {
            return if v1 {
                repeat(TOO_BIG, 0)
            } else {
                Some(Answer::too_big())
            };
        }
        let live = self.device.live();
        let view = View {
            device: &self.device,
            table: vlan
                .and_then(|vlan| self.device.vlans.get(&vlan))
                .unwrap_or(&self.device.table),
            live: &live,
            v1,
            now,
        };
        match request.tag {
            SET => repeat(
                if v1 { NO_SUCH_NAME } else { NOT_WRITABLE },
                1.min(request.names.len()),
            ),
            GET_BULK => Some(view.bulk(request, room)),
            _ => {
                let mut bindings = Vec::with_capacity(request.raw.len() * 2);
                for (index, asked) in request.names.iter().enumerate() {
                    let (name, value) = if request.tag == GET {
                        (asked.arcs(), view.get(asked.arcs()))
                    } else {
                        view.next(asked.arcs())
                    };
                    if v1 && matches!(value, Bound::Empty(_)) {
                        return repeat(NO_SUCH_NAME, index + 1);
                    }
                    if bindings.len() + ber::binding_len(name, &value) > room {
                        return if v1 {
                            repeat(TOO_BIG, 0)
                        } else {
                            Some(Answer::too_big())
                        };
                    }
                    ber::binding(&mut bindings, name, &value);
                }
                Some(Answer {
                    status: 0,
                    index: 0,
                    bindings,
                })
            }
        }
    }
}

impl Answer {
    fn too_big() -> Self {
        Self {
            status: TOO_BIG,
            index: 0,
            bindings: Vec::new(),
        }
    }
}

/// The variables of a device at one moment, as one version of SNMP shows them.
struct View<'a> {
    device: &'a Device,
    /// The device's own, or that of a VLAN.
    table: &'a Table,
    live: &'a Live,
    /// SNMPv1 knows no Counter64: such variables do not exist for it (RFC 3584 §4.2.2.1).
    v1: bool,
    now: f64,
}

impl<'a> View<'a> {
    fn read(&self, index: usize) -> Option<Reading<'a>> {
        self.device
            .read_of(self.table, index, self.live, self.now)
            .filter(|reading| !(self.v1 && matches!(reading, Reading::Counter64(_))))
    }

    fn get(&self, name: &[u32]) -> Bound<'a> {
        if let Ok(index) = self.table.find(name)
            && let Some(reading) = self.read(index)
        {
            return Bound::Value(reading);
        }
        let known = self.table.has_object_of(name);
        Bound::Empty(if known {
            ber::NO_SUCH_INSTANCE
        } else {
            ber::NO_SUCH_OBJECT
        })
    }

    /// The first variable at or after `index` that exists now.
    fn from(&self, index: usize) -> Option<(usize, Reading<'a>)> {
        (index..self.table.len()).find_map(|index| Some((index, self.read(index)?)))
    }

    fn after(&self, name: &[u32]) -> usize {
        match self.table.find(name) {
            Ok(index) => index + 1,
            Err(index) => index,
        }
    }

    fn next<'n>(&self, name: &'n [u32]) -> (&'n [u32], Bound<'a>)
    where
        'a: 'n,
    {
        match self.from(self.after(name)) {
            Some((index, reading)) => (self.table.name(index), Bound::Value(reading)),
            None => (name, Bound::Empty(ber::END_OF_MIB_VIEW)),
        }
    }

    fn bulk(&self, request: &Request, room: usize) -> Answer {
        let singles = (request.first.max(0) as usize).min(request.names.len());
        let repetitions = request.second.max(0) as usize;
        let mut bindings = Vec::with_capacity(room.min(2048));
        let mut count = 0;
        let mut add = |name: &[u32], value: &Bound<'_>| {
            let fits = count < REPLY_VARIABLES_MAX
                && bindings.len() + ber::binding_len(name, value) <= room;
            if fits {
                ber::binding(&mut bindings, name, value);
                count += 1;
            }
            fits
        };
        let mut full = false;
        for asked in &request.names[..singles] {
            let (name, value) = self.next(asked.arcs());
            full = full || !add(name, &value);
        }
        // Where each repeated walk stands: the name last given, and the index of what may follow.
        let mut walks: Vec<(&[u32], usize)> = request.names[singles..]
            .iter()
            .map(|asked| (asked.arcs(), self.after(asked.arcs())))
            .collect();
        'rounds: for _ in 0..repetitions {
            if full || walks.is_empty() {
                break;
            }
            let mut ended = true;
            for (name, index) in &mut walks {
                let value = match self.from(*index) {
                    Some((found, reading)) => {
                        (*name, *index) = (self.table.name(found), found + 1);
                        ended = false;
                        Bound::Value(reading)
                    }
                    None => Bound::Empty(ber::END_OF_MIB_VIEW),
                };
                if !add(name, &value) {
                    break 'rounds;
                }
            }
            if ended {
                break;
            }
        }
        // Not even one fits: that, unlike a shortened reply, is an error.
        if bindings.is_empty() && !request.names.is_empty() && (singles > 0 || repetitions > 0) {
            return Answer::too_big();
        }
        Answer {
            status: 0,
            index: 0,
            bindings,
        }
    }
}
