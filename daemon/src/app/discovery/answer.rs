//! What `nhipcau inventory …` is answered over the control socket.

use serde_json::{Value, json};

use super::{DiscoveryDesk, netbox};
use crate::app::Refusal;
use crate::control::InventoryQuery;

impl DiscoveryDesk<'_> {
    /// Answers one question of the command line. Whoever opens the control socket is the daemon's own user or root.
    ///
    /// # Errors
    /// As the desk's own methods; `bad_request` for a moment that is none.
    pub async fn answer(&self, query: InventoryQuery) -> Result<Value, Refusal> {
        let value = match query {
            InventoryQuery::Scan {} => {
                self.begin().await?;
                json!({})
            }
            InventoryQuery::Found {} => json!(self.state().await?),
            InventoryQuery::List {} => json!(self.app.console()?.devices()),
            InventoryQuery::Show { device } => {
                let console = self.app.console()?;
                let detail = console.device(&device)?;
                json!({ "device": detail, "history": self.history(&device, 20).await? })
            }
            InventoryQuery::Diff { since, until } => {
                let moment = |text: &str| {
                    text.parse::<jiff::Timestamp>()
                        .map_err(|error| Refusal::new("bad_request", error.to_string()))
                };
                json!(self.changes(moment(&since)?, moment(&until)?).await?)
            }
            InventoryQuery::Export {} => {
                let console = self.app.console()?;
                let devices: Vec<_> = console
                    .devices()
                    .into_iter()
                    .filter_map(|row| console.device(&row.id).ok())
                    .collect();
                let sites = self.app.sites().inputs().await?;
                json!(netbox::tables(&sites, &devices, &console.links()))
            }
        };
        Ok(value)
    }
}
