//! The account of links: five-minute samples into the store, the percentile of a week out of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use nhipcau_inventory::usage::{DirectionUse, Sample, UseWindow};

use super::console::ConsoleDesk;
use super::estate::Estate;
use super::sheet::{Cell, Sheet};
use super::{App, Refusal, Topic, lock};
use crate::config;
use crate::http::views;
use crate::store::{LineSample, NewSample, Store};

/// How often what is complete is written: a slot is complete with the first reading after its end.
const FLUSH: Duration = Duration::from_secs(30);
/// Samples that wait while the disk is full: a day of a province. Then the oldest are lost.
const WAITING_MAX: usize = 200_000;
/// How often old samples are removed, flushes.
const PRUNE_EVERY: u32 = 120;

/// One metered end over the window.
#[derive(Debug, Clone, Copy, Default)]
struct LineUse {
    inbound: DirectionUse,
    outbound: DirectionUse,
    in_before_bps: Option<f64>,
    out_before_bps: Option<f64>,
}

/// All metered ends, as of the last full slot.
#[derive(Debug)]
struct Account {
    window: UseWindow,
    lines: BTreeMap<(String, String), LineUse>,
}

/// The last account made; pages and metrics read it.
#[derive(Debug, Default)]
pub(crate) struct UsageBook {
    account: Mutex<Option<Arc<Account>>>,
    figures: Mutex<UpkeepShares>,
}

/// Link, direction, percentile over capacity and coverage; kind, subject and availability of this month. As of the last account.
type UpkeepShares = (
    Vec<(Arc<str>, &'static str, Option<f64>, f64)>,
    Vec<(Arc<str>, Arc<str>, f64)>,
);

fn window(terms: &config::LinkReport, now: Timestamp) -> UseWindow {
    let interval = (terms.interval.as_secs() as i64).max(1);
    let to = now.as_second() - now.as_second().rem_euclid(interval);
    let length = (terms.window.as_secs() as i64 / interval).max(1) * interval;
    UseWindow {
        from: to - length,
        to,
        interval_seconds: interval,
        percent: terms.percentile,
    }
}

fn fold(samples: &[LineSample], window: &UseWindow) -> LineUse {
    // Samples of another interval that was configured once are none of this account.
    let own = |slot: i64| slot.rem_euclid(window.interval_seconds) == 0;
    let pick = |direction: fn(&LineSample) -> Option<i64>| {
        samples
            .iter()
            .filter(move |sample| own(sample.0))
            .filter_map(move |sample| Some((sample.0, direction(sample)? as f64)))
    };
    let before = UseWindow {
        from: window.from - (window.to - window.from),
        to: window.from,
        ..*window
    };
    // Growth against a week that was hardly measured would be noise.
    let compared = |usage: DirectionUse| {
        usage
            .percentile_bps
            .filter(|_| usage.samples * 2 >= before.expected())
    };
    LineUse {
        inbound: window.direction(pick(|s| s.1)),
        outbound: window.direction(pick(|s| s.2)),
        in_before_bps: compared(before.direction(pick(|s| s.1))),
        out_before_bps: compared(before.direction(pick(|s| s.2))),
    }
}

impl UsageBook {
    /// What the metrics show.
    pub(crate) fn figures(&self) -> UpkeepShares {
        lock(&self.figures).clone()
    }

    async fn note_figures(&self, app: &App, estate: &Estate, terms: &config::LinkReport) {
        let report = report(estate, self, terms, app.now());
        let percentiles = report
            .links
            .iter()
            .flat_map(|link| {
                let id: Arc<str> = link.id.as_str().into();
                [("in", &link.inbound), ("out", &link.outbound)].map(|(direction, usage)| {
                    let share = usage.share_percent.map(|percent| percent / 100.0);
                    (id.clone(), direction, share, usage.coverage_percent / 100.0)
                })
            })
            .collect();
        let availability = app.availability_ratios().await;
        *lock(&self.figures) = (percentiles, availability);
    }

    async fn make(&self, store: &Store, terms: &config::LinkReport, now: Timestamp) {
        let window = window(terms, now);
        let from = window.from - (window.to - window.from);
        match store
            .samples()
            .fold(from, window.to, move |samples| fold(samples, &window))
            .await
        {
            Ok(lines) => *lock(&self.account) = Some(Arc::new(Account { window, lines })),
            Err(error) => tracing::warn!(%error, "the account of links could not be made"),
        }
    }
}

/// Writes finished samples and keeps the account, for as long as the daemon lives.
pub(crate) async fn keep_samples(app: App, estate: Arc<Estate>, book: Arc<UsageBook>) {
    let terms = app.settings().link_report;
    let store = app.store().clone();
    let mut waiting: Vec<NewSample> = Vec::new();
    let mut made_for = None;
    let mut flushes = 0_u32;
    let mut tick = tokio::time::interval(FLUSH);
    loop {
        tick.tick().await;
        waiting.extend(estate.take_samples().into_iter().map(kept));
        if waiting.len() > WAITING_MAX {
            waiting.drain(..waiting.len() - WAITING_MAX);
        }
        if !waiting.is_empty() {
            match store.samples().append(waiting.clone()).await {
                Ok(()) => waiting.clear(),
                Err(error) => tracing::warn!(%error, "samples of links wait for the store"),
            }
        }
        // A minute after the slot every line has been read again.
        let now = app.now();
        let settled = now
            .checked_sub(jiff::SignedDuration::from_secs(60))
            .unwrap_or(now);
        let due = window(&terms, settled).to;
        if made_for != Some(due) {
            book.make(&store, &terms, settled).await;
            book.note_figures(&app, &estate, &terms).await;
            made_for = Some(due);
            app.tell(Topic::Links);
        }
        if flushes.is_multiple_of(PRUNE_EVERY) {
            let oldest = now.as_second() - terms.kept.as_secs() as i64;
            if let Err(error) = store.samples().prune(oldest).await {
                tracing::warn!(%error, "old samples of links were not removed");
            }
        }
        flushes = flushes.wrapping_add(1);
    }
}

fn kept(sample: Sample) -> NewSample {
    let whole = |bps: Option<f64>| bps.map(|bps| bps.round() as i64);
    NewSample {
        device: sample.line.device.to_string(),
        interface: sample.line.interface.to_string(),
        slot: sample.slot,
        in_bps: whole(sample.in_bps),
        out_bps: whole(sample.out_bps),
    }
}

/// The account joined with the links as they are known now.
pub(crate) fn report(
    estate: &Estate,
    book: &UsageBook,
    terms: &config::LinkReport,
    now: Timestamp,
) -> views::LinkReport {
    let account = lock(&book.account).clone();
    let window = account
        .as_ref()
        .map_or_else(|| window(terms, now), |account| account.window);
    let of = |device: &str, interface: &str| {
        let key = (device.to_owned(), interface.to_owned());
        account.as_ref()?.lines.get(&key).copied()
    };
    let mut links: Vec<views::LinkUse> = estate
        .links_with_capacity()
        .into_iter()
        .map(|(row, source)| {
            let near = of(&row.a.device, &row.a.interface).unwrap_or_default();
            let far = row
                .b
                .as_ref()
                .and_then(|b| of(b.device.as_deref()?, &b.interface));
            // The end that was measured better speaks; seen from the far one the directions change places.
            let usage = match far {
                Some(far) if far.outbound.samples > near.inbound.samples => LineUse {
                    inbound: far.outbound,
                    outbound: far.inbound,
                    in_before_bps: far.out_before_bps,
                    out_before_bps: far.in_before_bps,
                },
                _ => near,
            };
            let capacity = row.capacity_bps;
            let inbound = direction(&usage.inbound, usage.in_before_bps, capacity, &window);
            let outbound = direction(&usage.outbound, usage.out_before_bps, capacity, &window);
            let share = [inbound.share_percent, outbound.share_percent]
                .into_iter()
                .flatten()
                .reduce(f64::max);
            views::LinkUse {
                id: row.id,
                a: row.a,
                b: row.b,
                sites: row.sites,
                capacity_bps: capacity,
                capacity_source: source,
                inbound,
                outbound,
                share_percent: share,
                over: share.is_some_and(|share| share > f64::from(terms.share_percent_max)),
            }
        })
        .collect();
    links.sort_by(|a, b| {
        let share = |link: &views::LinkUse| link.share_percent.unwrap_or(-1.0);
        share(b).total_cmp(&share(a)).then_with(|| a.id.cmp(&b.id))
    });
    let at = |seconds: i64| Timestamp::from_second(seconds).unwrap_or(now);
    views::LinkReport {
        from: at(window.from),
        to: at(window.to),
        percentile: window.percent,
        interval_seconds: window.interval_seconds.unsigned_abs(),
        share_percent_max: terms.share_percent_max,
        links,
    }
}

fn direction(
    usage: &DirectionUse,
    before_bps: Option<f64>,
    capacity_bps: u64,
    window: &UseWindow,
) -> views::DirectionUse {
    let share = usage
        .percentile_bps
        .filter(|_| capacity_bps > 0)
        .map(|bps| bps * 100.0 / capacity_bps as f64);
    let growth = usage
        .percentile_bps
        .zip(before_bps.filter(|before| *before > 0.0))
        .map(|(now, before)| (now - before) * 100.0 / before);
    views::DirectionUse {
        percentile_bps: usage.percentile_bps,
        mean_bps: usage.mean_bps,
        peak_bps: usage.peak_bps,
        share_percent: share,
        growth_percent: growth,
        coverage_percent: usage.samples as f64 * 100.0 / window.expected().max(1) as f64,
    }
}

impl ConsoleDesk<'_> {
    /// The account of links, fullest first.
    pub fn link_report(&self) -> views::LinkReport {
        let terms = self.app.settings().link_report;
        report(
            &self.machines.estate,
            &self.machines.usage,
            &terms,
            self.app.now(),
        )
    }

    fn link_sheet(&self) -> Sheet {
        let report = self.link_report();
        let vi = self.app.settings().language == views::Language::Vi;
        let p = report.percentile;
        let head = if vi {
            vec![
                "Từ".to_owned(),
                "Đến".into(),
                "Điểm cầu".into(),
                "Dung lượng (Mbit/s)".into(),
                "Nguồn dung lượng".into(),
                format!("P{p} vào (Mbit/s)"),
                format!("P{p} ra (Mbit/s)"),
                "Vào (% dung lượng)".into(),
                "Ra (% dung lượng)".into(),
                "Cao nhất vào (Mbit/s)".into(),
                "Cao nhất ra (Mbit/s)".into(),
                "Tăng vào (%)".into(),
                "Tăng ra (%)".into(),
                "Số mẫu có (%)".into(),
                format!("Vượt {} %", report.share_percent_max),
            ]
        } else {
            vec![
                "From".to_owned(),
                "To".into(),
                "Sites".into(),
                "Capacity (Mbit/s)".into(),
                "Capacity from".into(),
                format!("P{p} in (Mbit/s)"),
                format!("P{p} out (Mbit/s)"),
                "In (% of capacity)".into(),
                "Out (% of capacity)".into(),
                "Peak in (Mbit/s)".into(),
                "Peak out (Mbit/s)".into(),
                "Growth in (%)".into(),
                "Growth out (%)".into(),
                "Samples there are (%)".into(),
                format!("Above {} %", report.share_percent_max),
            ]
        };
        let mbit = |bps: Option<f64>| Cell::maybe(bps.map(|bps| bps / 1e6), 3);
        let rows = report
            .links
            .into_iter()
            .map(|link| {
                let far = link
                    .b
                    .map_or_else(String::new, |b| format!("{} {}", b.name, b.interface));
                let source = match (link.capacity_source, vi) {
                    (views::CapacitySource::Link, true) => "khai báo đường truyền",
                    (views::CapacitySource::Site, true) => "khai báo điểm cầu",
                    (views::CapacitySource::Interface, true) => "tốc độ cổng",
                    (views::CapacitySource::Unknown, true) => "chưa rõ",
                    (views::CapacitySource::Link, false) => "declared link",
                    (views::CapacitySource::Site, false) => "site",
                    (views::CapacitySource::Interface, false) => "interface speed",
                    (views::CapacitySource::Unknown, false) => "unknown",
                };
                let yes = if vi { "vượt" } else { "above" };
                vec![
                    Cell::Text(format!("{} {}", link.a.name, link.a.interface)),
                    Cell::Text(far),
                    Cell::Text(link.sites.join(", ")),
                    Cell::Number(link.capacity_bps as f64 / 1e6, 3),
                    Cell::Text(source.into()),
                    mbit(link.inbound.percentile_bps),
                    mbit(link.outbound.percentile_bps),
                    Cell::maybe(link.inbound.share_percent, 1),
                    Cell::maybe(link.outbound.share_percent, 1),
                    mbit(link.inbound.peak_bps),
                    mbit(link.outbound.peak_bps),
                    Cell::maybe(link.inbound.growth_percent, 1),
                    Cell::maybe(link.outbound.growth_percent, 1),
                    Cell::Number(
                        link.inbound
                            .coverage_percent
                            .min(link.outbound.coverage_percent),
                        1,
                    ),
                    Cell::Text(if link.over { yes.into() } else { String::new() }),
                ]
            })
            .collect();
        Sheet {
            name: if vi { "Đường truyền" } else { "Links" },
            head,
            rows,
        }
    }

    /// The account of links as CSV.
    pub fn link_report_csv(&self) -> String {
        self.link_sheet().csv()
    }

    /// The account of links as a workbook.
    ///
    /// # Errors
    /// `internal`.
    pub async fn link_report_xlsx(&self) -> Result<Vec<u8>, Refusal> {
        self.link_sheet().xlsx().await
    }
}
