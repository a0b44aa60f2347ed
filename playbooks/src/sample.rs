//! An example of each kind of event, on which expressions are tried when they are loaded.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{Event, EventKind, Health, Reason};

/// An event of that kind with every field filled in, except the reason's arguments.
pub(crate) fn event(kind: EventKind) -> Event {
    let text = |text: &str| Some(text.to_owned());
    Event {
        id: 1,
        kind,
        at: Timestamp::UNIX_EPOCH,
        subject: "router/Gi0/0/1".to_owned(),
        health: Health::Critical,
        reason: Reason {
            code: Cow::Borrowed(kind.as_str()),
            args: BTreeMap::new(),
        },
        text: kind.as_str().to_owned(),
        device: text("router"),
        device_name: text("Router"),
        interface: text("Gi0/0/1"),
        site: text("site"),
        site_name: text("Site"),
        sites: vec!["Site".to_owned()],
        conference: text("Conference"),
        authenticated: true,
        held_back: false,
        maintenance: false,
    }
}
