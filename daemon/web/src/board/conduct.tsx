import type { Board, ShareRule } from "../api.ts";
import { timeWithSeconds } from "../format.ts";
import { b } from "../i18n/board.ts";
import { reasonClause } from "../i18n/reasons.ts";
import { Button, Name } from "../ui/basics.tsx";
import { ask } from "../ui/dialog.tsx";
import { Choice } from "../ui/forms.tsx";
import type { Send } from "./board.tsx";
import { hands, mutable, present } from "./roll.ts";

/** Who has the floor and who asks for it. */
export function Floor({ board, send }: { board: Board; send: Send }) {
  const speaker = present(board).find((one) => one.floor || one.id === board.floor);
  const queue = hands(board);
  return (
    <section class="floor-box" data-test="floor">
      <h2>{b("floor")}</h2>
      {speaker
        ? (
          <div class="floor-now">
            <p><b><Name>{speaker.site_name}</Name></b>{speaker.name !== speaker.site_name && <>{" · "}<Name>{speaker.name}</Name></>}</p>
            <Button test="floor-take" onClick={() => send({ type: "take_floor" })}>{b("take_floor")}</Button>
          </div>
        )
        : <p class="quiet">{b("floor.none")}</p>}
      <h2>{b("floor.queue")}</h2>
      {queue.length === 0 && <p class="quiet">{b("floor.queue.none")}</p>}
      <ol class="queue" data-test="queue">
        {queue.map((one) => (
          <li key={one.id} data-participant={one.id}>
            <span><b><Name>{one.site_name}</Name></b> <span class="quiet num">{b("floor.since", { time: timeWithSeconds(one.hand!) })}</span></span>
            <span class="roll-acts">
              <Button kind="primary" test="queue-give" onClick={() => send({ type: "give_floor", participant: one.id })}>{b("give_floor")}</Button>
              <Button test="queue-lower" onClick={() => send({ type: "lower_hand", participant: one.id })}>{b("lower_hand")}</Button>
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** What concerns the whole room; each says its number and asks once. */
export function Conduct({ board, send }: { board: Board; send: Send }) {
  const open = mutable(board);
  const { recording } = board;
  const muteAll = async () => {
    if (await ask(b("mute_all.title", { n: open }), b("mute_all.text", { n: open }), b("mute_all", { n: open }), false)) send({ type: "mute_all", except_floor: true });
  };
  const record = async () => {
    const [title, text, action] = recording.on
      ? [b("record.stop.title"), b("record.stop.text"), b("record.stop")]
      : [b("record.start.title"), b("record.start.text"), b("record")];
    if (await ask(title, text, action, recording.on)) send({ type: "record", on: !recording.on });
  };
  const end = async () => {
    if (await ask(b("end.title"), b("end.text", { n: board.counts.joined }), b("end"))) send({ type: "end" });
  };
  return (
    <div class="conduct">
      {recording.on && <p class="recording-line" data-test="recording-line"><span class="rec-dot" aria-hidden="true" />{recording.since ? b("record.on", { time: timeWithSeconds(recording.since) }) : b("record")}</p>}
      {recording.on && recording.hidden && <p class="banner degraded" role="status" data-test="recording-hidden">{b("record.hidden", { reason: reasonClause(recording.hidden) })}</p>}
      {!recording.on && recording.reason && <p class="banner degraded" data-test="recording-reason">{b("record.ended", { reason: reasonClause(recording.reason) })}</p>}
      <div class="conduct-sharing">
        <span class="quiet small">{b("sharing")}</span>
        <Choice<ShareRule> value={board.sharing} onChange={(rule) => send({ type: "sharing", rule })} label={b("sharing")} test="sharing" options={[["hosts", b("sharing.hosts")], ["one", b("sharing.one")], ["several", b("sharing.several")]]} />
      </div>
      <div class="conduct-acts">
        <Button test="mute-all" disabled={open === 0} label={open === 0 ? `${b("mute_all", { n: open })}. ${b("mute_all.nobody")}` : undefined} onClick={() => void muteAll()}>{b("mute_all", { n: open })}</Button>
        <Button test="record" onClick={() => void record()}>{b(recording.on ? "record.stop" : "record")}</Button>
        <Button test="end" kind="danger" onClick={() => void end()}>{b("end")}</Button>
      </div>
    </div>
  );
}
