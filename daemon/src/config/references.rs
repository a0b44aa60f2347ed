//! Second pass: what one key says of another. Works on data that may have holes, so that one run names the mistakes of both passes.

use std::collections::HashMap;

use nhipcau_inventory::discovery::{ADDRESSES_MAX, addresses_of};

use super::build::link_id;
use super::check::{Datum, DatumKind};
use super::error::{At, ConfigError};

/// Judges references, duplicates and combinations; with `on_disk` also whether named files and directories are there.
pub(super) fn judge(root: &Datum, on_disk: bool, errors: &mut Vec<ConfigError>) {
    let mut judge = Judge { errors };
    let credentials = judge.unique(root, "credentials", "name", |item| {
        item.text_maybe("name").map(str::to_owned)
    });
    let devices = judge.unique(root, "devices", "id", |item| {
        item.text_maybe("id").map(str::to_owned)
    });
    let sites = judge.unique(root, "sites", "id", |item| {
        item.text_maybe("id").map(str::to_owned)
    });
    judge.unique(root, "links", "id", link_id);
    judge.unique(root, "devices", "address", |item| {
        item.socket_maybe("address")
            .map(|address| address.to_string())
    });
    for (i, item) in root.items("credentials").iter().enumerate() {
        judge.credential(item, &format!("credentials[{i}]"));
    }
    for (i, item) in root.items("devices").iter().enumerate() {
        let path = format!("devices[{i}]");
        if item.is_present("credentials") && item.items("credentials").is_empty() {
            judge.refuse(
                &item.member("credentials").at,
                format!("{path}.credentials"),
                "names no credential",
            );
        }
        for (j, name) in item.items("credentials").iter().enumerate() {
            judge.known(
                name,
                &credentials,
                "credential",
                &format!("{path}.credentials[{j}]"),
            );
        }
        judge.known_member(item, "site", &sites, "site", &path);
    }
    for (i, item) in root.items("links").iter().enumerate() {
        let path = format!("links[{i}]");
        for end in ["a", "b"] {
            if let Some(endpoint) = item.find(end) {
                judge.known_member(
                    endpoint,
                    "device",
                    &devices,
                    "device",
                    &format!("{path}.{end}"),
                );
            }
        }
        let end = |key| {
            item.find(key)
                .and_then(|end| Some((end.text_maybe("device")?, end.text_maybe("interface")?)))
        };
        if end("a").is_some() && end("a") == end("b") {
            judge.refuse(&item.at, path, "has the same end twice");
        }
    }
    for (i, item) in root.items("sites").iter().enumerate() {
        let path = format!("sites[{i}]");
        judge.known_member(item, "parent", &sites, "site", &path);
        if let Some(uplink) = item.find("uplink") {
            judge.known_member(
                uplink,
                "device",
                &devices,
                "device",
                &format!("{path}.uplink"),
            );
        }
    }
    judge.discovery(root, &credentials);
    judge.circles(root);
    judge.combinations(root);
    if on_disk {
        judge.disk(root);
    }
}

/// Shortest IPv6 prefix that is swept: 4,096 addresses.
const SWEPT_IPV6_PREFIX_MIN: u8 = 116;

struct Judge<'a> {
    errors: &'a mut Vec<ConfigError>,
}

impl Judge<'_> {
    fn refuse(&mut self, at: &At, path: impl Into<String>, message: impl Into<String>) {
        self.errors.push(ConfigError::new(at, path, message));
    }

    /// Reports the second of two items with one key; returns where each is.
    fn unique(
        &mut self,
        root: &Datum,
        list: &str,
        key: &str,
        of: impl Fn(&Datum) -> Option<String>,
    ) -> HashMap<String, At> {
        let mut seen: HashMap<String, At> = HashMap::new();
        for (i, item) in root.items(list).iter().enumerate() {
            let Some(value) = of(item) else { continue };
            let at = item.find(key).map_or(&item.at, |datum| &datum.at);
            match seen.get(&value) {
                Some(first) => self.refuse(
                    at,
                    format!("{list}[{i}].{key}"),
                    format!("{value} is taken already at {first}"),
                ),
                None => {
                    seen.insert(value, at.clone());
                }
            }
        }
        seen
    }

    fn known_member(
        &mut self,
        item: &Datum,
        key: &str,
        known: &HashMap<String, At>,
        noun: &str,
        path: &str,
    ) {
        if let Some(datum) = item.find(key) {
            self.known(datum, known, noun, &format!("{path}.{key}"));
        }
    }

    fn known(&mut self, datum: &Datum, known: &HashMap<String, At>, noun: &str, path: &str) {
        if let DatumKind::Text(name) = &datum.kind
            && !known.contains_key(name)
        {
            self.refuse(&datum.at, path, format!("no {noun} has the name {name}"));
        }
    }

    fn credential(&mut self, item: &Datum, path: &str) {
        let Some(version) = item.text_maybe("version") else {
            return;
        };
        let v3 = version == "v3";
        let (needed, foreign): (&str, &[&str]) = if v3 {
            ("user", &["community"])
        } else {
            (
                "community",
                &[
                    "user",
                    "auth",
                    "auth_password",
                    "privacy",
                    "privacy_password",
                    "context",
                ],
            )
        };
        if !item.is_present(needed) {
            self.refuse(
                &item.at,
                format!("{path}.{needed}"),
                format!("is required for {version}"),
            );
        }
        for key in foreign.iter().filter(|key| item.is_present(key)) {
            self.refuse(
                &item.member(key).at,
                format!("{path}.{key}"),
                format!("has no meaning for {version}"),
            );
        }
        if !v3 {
            return;
        }
        for (protocol, password) in [("auth", "auth_password"), ("privacy", "privacy_password")] {
            self.together(item, protocol, password, path);
        }
        if item.is_present("privacy") && !item.is_present("auth") {
            self.refuse(
                &item.member("privacy").at,
                format!("{path}.privacy"),
                "needs auth as well (RFC 3414, 1.4.3)",
            );
        }
    }

    /// Ranges small enough to be swept, and credentials to sweep them with.
    fn discovery(&mut self, root: &Datum, credentials: &HashMap<String, At>) {
        let Some(part) = root.find("discovery") else {
            return;
        };
        for (i, name) in part.items("credentials").iter().enumerate() {
            let path = format!("discovery.credentials[{i}]");
            self.known(name, credentials, "credential", &path);
        }
        let mut addresses = 0_u64;
        for (i, item) in part.items("ranges").iter().enumerate() {
            let DatumKind::Network(net) = &item.kind else {
                continue;
            };
            let path = format!("discovery.ranges[{i}]");
            if net.addr().is_ipv6() && net.prefix_len() < SWEPT_IPV6_PREFIX_MIN {
                let message = format!(
                    "is too large to be swept: of IPv6 at most a /{SWEPT_IPV6_PREFIX_MIN}; name seeds, and write it under within"
                );
                self.refuse(&item.at, path, message);
                continue;
            }
            let before = addresses;
            addresses = addresses.saturating_add(addresses_of(net));
            if addresses > ADDRESSES_MAX as u64 && before <= ADDRESSES_MAX as u64 {
                let message =
                    format!("makes more than {ADDRESSES_MAX} addresses of all ranges together");
                self.refuse(&item.at, path, message);
            }
        }
        let somewhere = ["ranges", "seeds"]
            .into_iter()
            .find(|key| !part.items(key).is_empty());
        if let Some(key) = somewhere
            && part.items("credentials").is_empty()
        {
            self.refuse(
                &part.member(key).at,
                "discovery.credentials",
                "is required: nothing can be asked without a credential",
            );
        }
    }

    /// Two keys that mean something only together.
    fn together(&mut self, item: &Datum, one: &str, other: &str, path: &str) {
        for (present, absent) in [(one, other), (other, one)] {
            if item.is_present(present) && !item.is_present(absent) {
                self.refuse(
                    &item.member(present).at,
                    format!("{path}.{present}"),
                    format!("needs {absent} as well"),
                );
            }
        }
    }

    /// A site that stands above itself.
    fn circles(&mut self, root: &Datum) {
        let sites = root.items("sites");
        let parent: HashMap<&str, &str> = sites
            .iter()
            .filter_map(|site| Some((site.text_maybe("id")?, site.text_maybe("parent")?)))
            .collect();
        // Each site's way up is walked once: what was walked before is known to end, or was reported.
        let mut walked: HashMap<&str, usize> = HashMap::new();
        for (i, site) in sites.iter().enumerate() {
            let mut next = site.text_maybe("id");
            while let Some(id) = next {
                match walked.get(id) {
                    Some(walk) if *walk == i => {
                        let at = &site.find("parent").unwrap_or(site).at;
                        self.refuse(
                            at,
                            format!("sites[{i}].parent"),
                            format!("goes round in a circle through {id}"),
                        );
                        break;
                    }
                    Some(_) => break,
                    None => {
                        walked.insert(id, i);
                        next = parent.get(id).copied();
                    }
                }
            }
        }
    }

    fn combinations(&mut self, root: &Datum) {
        let listen = root.member("listen");
        if let Some(address) = listen.socket_maybe("http_loopback")
            && !address.ip().is_loopback()
        {
            self.refuse(
                &listen.member("http_loopback").at,
                "listen.http_loopback",
                "must be a loopback address: it has no encryption",
            );
        }
        if listen.socket_maybe("https").is_some()
            && listen.socket_maybe("https") == listen.socket_maybe("http_loopback")
        {
            self.refuse(
                &listen.member("http_loopback").at,
                "listen.http_loopback",
                "is the address of https",
            );
        }
        if let Some(url) = listen.text_maybe("public_url")
            && !is_public_url(url)
        {
            self.refuse(
                &listen.member("public_url").at,
                "listen.public_url",
                "must be https:// with a host and perhaps a port, and nothing after it",
            );
        }
        let media = listen
            .find("media")
            .and_then(|media| media.socket_maybe("udp"));
        if media.is_some() && media == listen.socket_maybe("traps") {
            self.refuse(
                &listen.member("traps").at,
                "listen.traps",
                "is the address of media.udp",
            );
        }
        if let Some(zone) = root.member("locale").text_maybe("time_zone")
            && jiff::tz::TimeZone::get(zone).is_err()
        {
            self.refuse(
                &root.member("locale").member("time_zone").at,
                "locale.time_zone",
                format!("{zone} is no known time zone"),
            );
        }
        if let Some(level) = root.member("log").text_maybe("level")
            && let Err(fault) = crate::logging::filter(level)
        {
            self.refuse(&root.member("log").member("level").at, "log.level", fault);
        }
        let poll = root.member("poll");
        if let (Some(timeout), Some(deadline)) = (
            poll.duration_maybe("timeout"),
            poll.duration_maybe("deadline"),
        ) && timeout > deadline
        {
            self.refuse(
                &poll.member("timeout").at,
                "poll.timeout",
                "is longer than poll.deadline",
            );
        }
        let smtp = root.member("smtp");
        self.together(smtp, "user", "password", "smtp");
        if smtp.text_maybe("tls") == Some("none") && smtp.is_present("password") {
            self.refuse(
                &smtp.member("password").at,
                "smtp.password",
                "would travel in the open; set smtp.tls",
            );
        }
        if let DatumKind::Map(channels) = &root.member("channels").kind {
            for (name, channel) in channels {
                self.channel(
                    channel,
                    &format!("channels.{name}"),
                    root.is_present("smtp"),
                );
            }
        }
    }

    fn channel(&mut self, channel: &Datum, path: &str, has_smtp: bool) {
        if !channel.items("smtp").is_empty() && !has_smtp {
            self.refuse(
                &channel.member("smtp").at,
                format!("{path}.smtp"),
                "there is no mail server: smtp is not set",
            );
        }
        if channel.is_present("webhook_key") && !channel.is_present("webhook") {
            self.refuse(
                &channel.member("webhook_key").at,
                format!("{path}.webhook_key"),
                "needs webhook as well",
            );
        }
        if channel.items("smtp").is_empty() && !channel.is_present("webhook") {
            self.refuse(&channel.at, path, "tells nobody: give smtp or webhook");
        }
    }

    fn disk(&mut self, root: &Datum) {
        for part in ["playbooks", "profiles"] {
            if let Some(path) = root.member(part).path_maybe("directory")
                && !path.is_dir()
            {
                self.refuse(
                    &root.member(part).member("directory").at,
                    format!("{part}.directory"),
                    "is no directory",
                );
            }
        }
        for (i, program) in root
            .member("playbooks")
            .items("allow_exec")
            .iter()
            .enumerate()
        {
            if let DatumKind::Path(path) = &program.kind
                && !path.is_file()
            {
                self.refuse(
                    &program.at,
                    format!("playbooks.allow_exec[{i}]"),
                    "is no program",
                );
            }
        }
        for key in ["certificate", "key"] {
            if let Some(path) = root.member("tls").path_maybe(key)
                && let Err(fault) = std::fs::File::open(path)
            {
                self.refuse(
                    &root.member("tls").member(key).at,
                    format!("tls.{key}"),
                    format!("cannot be read: {fault}"),
                );
            }
        }
    }
}

/// `https://HOST[:PORT]`: what browsers send as the origin of a page (RFC 6454 section 6.2), so that the two can be compared.
fn is_public_url(url: &str) -> bool {
    let Some(authority) = url.strip_prefix("https://") else {
        return false;
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host_ok = match bare {
        Some(bare) => bare.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.contains(':') && super::values::is_host(host),
    };
    host_ok && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}
