//! What a playbook's step does: notify over the configured channels, or run an allowed program.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, RwLock};

use nhipcau_playbooks::{Action, Channel, ExecAction, LoadTerms, NotifyAction, StepResult};

use crate::config::{self, Config};
use crate::drive::playbook::Performer;
use crate::exec::{self, End, Program};
use crate::metrics::Metrics;
use crate::notify::{Mail, Mailer, WebhookClient};

/// Output of a program that is kept in the run's record.
const OUTPUT_BYTES_MAX: usize = 2_048;

/// The configuration that steps act by; replaced whole at a reload.
pub(crate) struct Means {
    channels: BTreeMap<String, config::Channel>,
    mailer: Option<Mailer>,
    webhooks: WebhookClient,
    programs: Vec<PathBuf>,
}

impl Means {
    /// What `config` allows. A mail server whose password cannot be read is reported at each mail, not here: everything else works.
    pub(crate) fn of(config: &Config) -> Self {
        let mailer = config.smtp.as_ref().and_then(|smtp| {
            Mailer::new(smtp)
                .inspect_err(|error| tracing::error!(%error, "no mail can be sent"))
                .ok()
        });
        Self {
            channels: config.channels.clone(),
            mailer,
            webhooks: WebhookClient::new(&config.webhook),
            programs: config.playbooks.allow_exec.clone(),
        }
    }

    /// What playbooks may name. Names that a shipped playbook uses and nobody configured go to the log.
    pub(crate) fn load_terms(config: &Config) -> LoadTerms {
        let named = |has: fn(&config::Channel) -> bool| -> BTreeSet<String> {
            config
                .channels
                .iter()
                .filter(|(_, channel)| has(channel))
                .map(|(name, _)| name.clone())
                .collect()
        };
        let recipients = BTreeMap::from([
            (Channel::Smtp, named(|channel| !channel.smtp.is_empty())),
            (Channel::Webhook, named(|channel| channel.webhook.is_some())),
        ]);
        LoadTerms {
            allow_exec: !config.playbooks.allow_exec.is_empty(),
            recipients: Some(recipients),
        }
    }
}

/// Performs steps by the means of the moment.
pub(crate) fn performer(means: Arc<RwLock<Arc<Means>>>, metrics: Arc<Metrics>) -> Performer {
    Arc::new(
        move |action| -> Pin<Box<dyn Future<Output = StepResult> + Send>> {
            let means = means
                .read()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .clone();
            let metrics = metrics.clone();
            Box::pin(async move {
                match action {
                    Action::Notify(notice) => notify(&means, &metrics, &notice).await,
                    Action::Exec(program) => execute(&means, program).await,
                }
            })
        },
    )
}

async fn notify(means: &Means, metrics: &Metrics, notice: &NotifyAction) -> StepResult {
    let name = notice.to.as_deref().unwrap_or_default();
    let channel = means.channels.get(name);
    let (by_mail, by_webhook) = match notice.channel {
        Channel::Log => (false, false),
        Channel::Smtp => (true, false),
        Channel::Webhook => (false, true),
        Channel::Configured => (
            channel.is_some_and(|c| !c.smtp.is_empty()),
            channel.is_some_and(|c| c.webhook.is_some()),
        ),
    };
    // The log has every notice: it is what remains when the network is what failed.
    tracing::warn!(
        to = name,
        subject = notice.subject,
        "{}",
        notice.text.replace('\n', " ")
    );
    let mut done = Vec::new();
    let mut failed = Vec::new();
    if by_mail {
        let outcome = mail(means, channel, notice).await;
        metrics.count_notice(name, "smtp", outcome.is_ok());
        match outcome {
            Ok(told) => done.push(told),
            Err(error) => failed.push(error),
        }
    }
    if by_webhook {
        let outcome = webhook(means, channel, notice).await;
        metrics.count_notice(name, "webhook", outcome.is_ok());
        match outcome {
            Ok(()) => done.push("webhook".to_owned()),
            Err(error) => failed.push(error),
        }
    }
    match (failed.is_empty(), done.is_empty()) {
        (false, _) => StepResult::Failed([done, failed].concat().join("; ")),
        (true, true) => StepResult::Done("log".to_owned()),
        (true, false) => StepResult::Done(done.join("; ")),
    }
}

async fn mail(
    means: &Means,
    channel: Option<&config::Channel>,
    notice: &NotifyAction,
) -> Result<String, String> {
    let channel = channel.ok_or("smtp: no such channel")?;
    let mailer = means
        .mailer
        .as_ref()
        .ok_or("smtp: no mail server is configured")?;
    let mail = Mail {
        to: channel.smtp.clone(),
        subject: notice.subject.clone(),
        text: notice.text.clone(),
        attachments: Vec::new(),
    };
    mailer
        .send(&mail)
        .await
        .map(|()| format!("smtp: {} recipients", mail.to.len()))
        .map_err(|error| format!("smtp: {error}"))
}

async fn webhook(
    means: &Means,
    channel: Option<&config::Channel>,
    notice: &NotifyAction,
) -> Result<(), String> {
    let target = channel
        .and_then(|channel| channel.webhook.as_ref())
        .ok_or("webhook: no such channel")?;
    let body = serde_json::json!({"subject": notice.subject, "text": notice.text, "key": notice.idempotency_key});
    means
        .webhooks
        .call(target, body.to_string().into_bytes())
        .await
        .map_err(|error| format!("webhook: {error}"))
}

async fn execute(means: &Means, action: ExecAction) -> StepResult {
    let mut argv = action.argv.into_iter();
    let Some(path) = argv.next().map(PathBuf::from) else {
        return StepResult::Failed("no program".to_owned());
    };
    if !means
        .programs
        .iter()
        .any(|allowed| allowed == Path::new(&path))
    {
        return StepResult::Failed(format!(
            "{}: playbooks.allow_exec does not name it",
            path.display()
        ));
    }
    let program = Program {
        path,
        arguments: argv.collect(),
        environment: action.env.into_iter().collect(),
        stdin: action.stdin.unwrap_or_default().into_bytes(),
        timeout: action.timeout,
        output_bytes_max: OUTPUT_BYTES_MAX,
    };
    match exec::run(program).await {
        Ok(finished) if finished.end == End::Exit(0) => {
            StepResult::Done(finished.stdout.trim().to_owned())
        }
        Ok(finished) => {
            StepResult::Failed(format!("{:?}: {}", finished.end, finished.stderr.trim()))
        }
        Err(error) => StepResult::Failed(error.to_string()),
    }
}
