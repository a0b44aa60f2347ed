import type { PlaybookRow, Run } from "../api.ts";
import { useNow } from "../clock.ts";
import { duration, when } from "../format.ts";
import { t } from "../i18n/console.ts";
import { eventKind, reasonSentence } from "../i18n/reasons.ts";
import { useResource } from "../resource.ts";
import { Link } from "../router.tsx";
import { Empty, Failure, Loading, Name, PageHead, Panel } from "../ui/basics.tsx";
import { RunTag, titleOf } from "./run.tsx";

/** What the daemon does by itself, and what it has done. */
export function Playbooks() {
  const now = useNow();
  const playbooks = useResource<PlaybookRow[]>("/playbooks");
  const runs = useResource<Run[]>("/runs?limit=100", ["runs"]);
  const waiting = runs.data?.filter((run) => run.state === "approval").length ?? 0;
  return (
    <>
      <PageHead title={t("playbooks.title")} />
      {waiting > 0 && <p class="banner degraded" role="status" data-test="waiting">{t("run.waiting", { n: waiting })}</p>}
      <div class="stack">
        <Panel title={t("runs.title")} test="runs">
          {!runs.data
            ? runs.error ? <Failure error={runs.error} retry={runs.reload} /> : <Loading />
            : runs.data.length === 0
              ? <Empty title={t("runs.none")}>{t("runs.none.sub")}</Empty>
              : <ul class="run-list">{runs.data.map((run) => <li key={run.id}><RunRow run={run} title={titleOf(playbooks.data, run)} now={now} /></li>)}</ul>}
        </Panel>
        <Panel title={t("playbooks.list")} test="playbooks">
          {!playbooks.data
            ? playbooks.error ? <Failure error={playbooks.error} retry={playbooks.reload} /> : <Loading />
            : playbooks.data.length === 0
              ? <Empty title={t("playbooks.none")} />
              : <ul class="cards two">{playbooks.data.map((playbook) => <li key={playbook.name}><PlaybookCard playbook={playbook} /></li>)}</ul>}
        </Panel>
      </div>
    </>
  );
}

function RunRow({ run, title, now }: { run: Run; title: string; now: Date }) {
  return (
    <Link href={`/kich-ban/${run.id}`} class="run-row" test="run">
      <RunTag state={run.state} />
      <b><Name>{title}</Name></b>
      <span class="run-why"><Name>{run.event.subject}</Name>: {reasonSentence(run.event.reason)}</span>
      <span class="quiet num">{when(run.started_at, now)}{run.finished_at && ` · ${duration((Date.parse(run.finished_at) - Date.parse(run.started_at)) / 1000)}`}</span>
    </Link>
  );
}

function PlaybookCard({ playbook }: { playbook: PlaybookRow }) {
  return (
    <article class="playbook" data-test="playbook">
      <h3><Name>{playbook.title}</Name> {playbook.changes_devices && <span class="tag degraded">{t("playbooks.changes")}</span>}</h3>
      <dl class="facts">
        <dt>{t("playbooks.on")}</dt><dd>{playbook.on.map((kind) => <span key={kind} class="tag">{eventKind(kind)}</span>)}</dd>
        {playbook.when && <><dt>{t("playbooks.when")}</dt><dd class="mono"><Name>{playbook.when}</Name></dd></>}
        {playbook.throttle && <><dt>{t("playbooks.throttle")}</dt><dd><Name>{playbook.throttle}</Name></dd></>}
        <dt>{t("playbooks.steps")}</dt>
        <dd><ol class="step-names">{playbook.steps.map((step, index) => <li key={index}><Name>{step}</Name></li>)}</ol></dd>
        <dt>{t("playbooks.source")}</dt><dd class="mono"><Name>{playbook.source}</Name></dd>
      </dl>
    </article>
  );
}
