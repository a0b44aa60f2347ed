//! What other tools read of a device through us: from the last poll, or live under limits. Only devices of the inventory are targets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nhipcau_inventory::DeviceId;
use nhipcau_inventory::export::{ModuleId, ModuleRows};
use tokio::sync::{Semaphore, oneshot};

use super::machines::Machines;
use super::{App, lock};
use crate::drive::snmp::Command;
use crate::metrics::{ModuleAnswer, render_modules};

/// Live readings of all devices under way at once; more wait.
const LIVE_MAX: usize = 32;
/// A live answer, good or bad, serves everyone who asks within this time: a scraper cannot hammer a device.
const LIVE_FOR: Duration = Duration::from_secs(5);
/// Longest that somebody waits for a live answer, in the queue and for the device.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// Who asks twice within this time reads again and again: the module then belongs to every poll.
const AGAIN_WITHIN: Duration = Duration::from_secs(900);
/// The poller is reminded of that this often; it forgets after a quarter of an hour.
const REMIND_EVERY: Duration = Duration::from_secs(60);
/// Rows of a poll older than this many intervals are not shown as the device's state.
const STALE_AFTER: u32 = 3;
/// Modules of one request.
const MODULES_MAX: usize = 8;

/// Why a reading is refused.
#[derive(Debug)]
pub(crate) enum ExportRefusal {
    /// No device of the inventory is called so, or more than one.
    UnknownTarget,
    /// No such module, or too many.
    BadModule(String),
    /// The device cannot be read now; in words.
    Unavailable(String),
}

/// Live readings, and who asks for what.
#[derive(Debug)]
pub(crate) struct LiveReadings {
    permits: Semaphore,
    devices: Mutex<HashMap<DeviceId, Arc<Reading>>>,
}

/// One device's: the lock is held by who reads it, so that it is read once at a time.
#[derive(Debug, Default)]
struct Reading {
    answers: tokio::sync::Mutex<HashMap<ModuleId, (Instant, Answer)>>,
    /// When each module was asked for last, and the poller reminded.
    asked: Mutex<HashMap<ModuleId, (Instant, Option<Instant>)>>,
}

type Answer = Result<Arc<ModuleRows>, String>;

impl Default for LiveReadings {
    fn default() -> Self {
        Self {
            permits: Semaphore::new(LIVE_MAX),
            devices: Mutex::default(),
        }
    }
}

impl LiveReadings {
    /// The device's place. There are never more than devices in the inventory: strangers do not come this far.
    fn of(&self, device: &DeviceId) -> Arc<Reading> {
        lock(&self.devices)
            .entry(device.clone())
            .or_default()
            .clone()
    }
}

impl App {
    /// Modules of a device, as text for a scraper: from the last poll where it has them and `live` is not asked for.
    ///
    /// # Errors
    /// [`ExportRefusal`]; for an unknown target and module no packet is sent.
    pub(crate) async fn export(
        &self,
        target: &str,
        modules: &[&str],
        live: bool,
    ) -> Result<String, ExportRefusal> {
        let machines = self
            .machines()
            .ok_or_else(|| ExportRefusal::Unavailable("the daemon is starting".into()))?;
        if modules.is_empty() || modules.len() > MODULES_MAX {
            return Err(ExportRefusal::BadModule(format!(
                "1 to {MODULES_MAX} modules"
            )));
        }
        let mut ids = Vec::new();
        for name in modules {
            let id =
                ModuleId::named(name).ok_or_else(|| ExportRefusal::BadModule((*name).into()))?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        let device = machines
            .estate
            .resolve(target)
            .ok_or(ExportRefusal::UnknownTarget)?;
        let mut read = Vec::new();
        for module in ids {
            read.push(machines.read(&device, module, live).await?);
        }
        let now = Instant::now();
        let answers: Vec<ModuleAnswer<'_>> = read
            .iter()
            .map(|rows| ModuleAnswer {
                rows,
                age: now.saturating_duration_since(rows.counted_at()),
            })
            .collect();
        Ok(render_modules(&answers))
    }
}

impl Machines {
    async fn read(
        &self,
        device: &DeviceId,
        module: ModuleId,
        live: bool,
    ) -> Result<Arc<ModuleRows>, ExportRefusal> {
        let reading = self.readings.of(device);
        if !live {
            self.note_asked(device, module, &reading);
            match self.estate.module_rows(device, module, STALE_AFTER) {
                Ok(Some(rows)) => {
                    // The live answers that came before the first poll are not kept for ever.
                    if let Ok(mut answers) = reading.answers.try_lock() {
                        answers.retain(|_, (at, _)| at.elapsed() < LIVE_FOR);
                    }
                    return Ok(rows);
                }
                Ok(None) => {}
                Err(reason) => return Err(ExportRefusal::Unavailable(reason)),
            }
        }
        match tokio::time::timeout(WAIT_MAX, self.read_live(device, module, &reading)).await {
            Ok(answer) => answer.map_err(ExportRefusal::Unavailable),
            Err(_) => Err(ExportRefusal::Unavailable(
                "too many wait for live readings".into(),
            )),
        }
    }

    /// Tells the poller that somebody reads this module again and again.
    fn note_asked(&self, device: &DeviceId, module: ModuleId, reading: &Reading) {
        let now = Instant::now();
        let mut asked = lock(&reading.asked);
        let before = asked.get(&module).copied();
        let again = before.is_some_and(|(at, _)| now - at < AGAIN_WITHIN);
        let mut reminded = before.and_then(|(_, reminded)| reminded);
        if again && reminded.is_none_or(|at| now - at >= REMIND_EVERY) {
            let command = Command::Export {
                device: device.clone(),
                module,
            };
            // A full queue: the next request reminds it.
            if self.snmp.try_send(command).is_ok() {
                reminded = Some(now);
            }
        }
        asked.insert(module, (now, reminded));
    }

    async fn read_live(&self, device: &DeviceId, module: ModuleId, reading: &Reading) -> Answer {
        let mut answers = reading.answers.lock().await;
        answers.retain(|_, (at, _)| at.elapsed() < LIVE_FOR);
        if let Some((_, answer)) = answers.get(&module) {
            return answer.clone();
        }
        let _permit = self
            .readings
            .permits
            .acquire()
            .await
            .map_err(|_| "the daemon ends".to_owned())?;
        let (answer, answered) = oneshot::channel();
        let command = Command::Probe {
            device: device.clone(),
            module,
            answer,
        };
        self.snmp
            .send(command)
            .await
            .map_err(|_| "the poller is gone".to_owned())?;
        let answer = match answered.await {
            Ok(Ok(rows)) => Ok(Arc::new(rows)),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the poller began anew".to_owned()),
        };
        answers.insert(module, (Instant::now(), answer.clone()));
        answer
    }
}
