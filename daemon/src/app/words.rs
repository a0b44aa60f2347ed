//! Sentences for mails, webhooks and the log, where no page translates. Pages have their own in `web/src/i18n`.

use crate::config::Language;
use crate::http::views::Reason;

/// The reason as a sentence; a code without one of its own is shown with its arguments.
pub(crate) fn sentence(reason: &Reason, language: Language) -> String {
    let template = match language {
        Language::Vi => vietnamese(&reason.code),
        Language::En => english(&reason.code),
    };
    match template {
        Some(template) => fill(template, reason),
        None => {
            let args: Vec<String> = reason
                .args
                .iter()
                .map(|(name, value)| format!("{name}: {}", plain(value)))
                .collect();
            if args.is_empty() {
                reason.code.clone()
            } else {
                format!("{} ({})", reason.code, args.join(", "))
            }
        }
    }
}

fn fill(template: &str, reason: &Reason) -> String {
    let mut text = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            break;
        };
        text.push_str(&reason.args.get(name).map_or_else(|| "?".to_owned(), plain));
        rest = tail;
    }
    text.push_str(rest);
    text
}

fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => super::clean::plain_text(text, 256),
        other => other.to_string(),
    }
}

fn vietnamese(code: &str) -> Option<&'static str> {
    Some(match code {
        "timeout" => "không trả lời SNMP trong {seconds} giây",
        "timeout_or_community" => "không trả lời SNMP: mất kết nối hoặc sai community",
        "v3_unknown_user" => "thiết bị không biết người dùng SNMPv3 {user}",
        "v3_wrong_digest" => "sai mật khẩu xác thực SNMPv3 của {user}",
        "v3_not_in_time_window" => "lệch đồng hồ SNMPv3 (ngoài cửa sổ thời gian)",
        "v3_unsupported_level" => "thiết bị không hỗ trợ mức bảo mật SNMPv3 đã cấu hình",
        "v3_decryption" => "sai mật khẩu mã hóa SNMPv3",
        "v3_unknown_engine" => "không nhận ra engine SNMPv3",
        "unreachable" => "không tới được: {detail}",
        "behind" => "nằm sau {device} đang có sự cố",
        "duplicate_engine_id" => "{device} và {other} trùng định danh engine SNMP",
        "rebooted" => "vừa khởi động lại",
        "link_down" | "line_down" => "cổng {interface} của {device} đã mất kết nối",
        "link_up" => "cổng {interface} của {device} đã kết nối lại",
        "link_lower_layer_down" => "cổng {interface} của {device} mất tín hiệu lớp dưới",
        "lag_line_down" => "một nhánh của đường gộp mất kết nối: cổng {interface} của {device}",
        "interface_errors" => "cổng {interface} có {per_second} gói lỗi mỗi giây",
        "link_full" => "đường truyền đầy {percent} %",
        "trap" => "thiết bị báo {name}: {text}",
        "trap_storm" => "bỏ {count} trap từ {source}: gửi quá nhiều",
        "component_failed" => "{component} hỏng ({state})",
        "component_warning" => "{component} cần chú ý ({state})",
        "sensor_high" => "{sensor} cao: {value} {unit}, ngưỡng {limit} {unit}",
        "sensor_low" => "{sensor} thấp: {value} {unit}, ngưỡng {limit} {unit}",
        "sensor_state" => "{sensor}: {state}",
        "recovered" => "{subject} đã trở lại bình thường",
        "storage_full" => "{storage} đầy {percent} %",
        "on_battery" => "UPS chạy bằng ắc quy, còn khoảng {minutes} phút",
        "identity_changed" => "{what} đổi từ {old} sang {new}",
        "left" => "đã rời phòng họp",
        "removed" => "bị mời ra khỏi phòng họp",
        "media_lost" => "mất tín hiệu hình và tiếng, chưa rõ nguyên nhân",
        "connection_lost" => "mất kết nối, chưa rõ nguyên nhân",
        "site_device_down" => "thiết bị {device} không trả lời",
        "line_back" => "đường truyền đã có lại",
        "media_back" => "hình và tiếng đã có lại",
        "conference_ended" => "cuộc họp đã kết thúc",
        "disk_full" => "hết dung lượng đĩa",
        "picture_no_decoder" => {
            "hình của {name} gửi theo chuẩn {codec}, máy chủ không có bộ giải mã"
        }
        "picture_undecodable" => "không giải mã được hình {codec} của {name}",
        "pipeline_died" => "tiến trình ghi hình dừng: {detail}",
        "daemon_restarted" => "dịch vụ khởi động lại",
        "stopped_by" => "{name} đã dừng",
        _ => return None,
    })
}

fn english(code: &str) -> Option<&'static str> {
    Some(match code {
        "timeout" => "no SNMP answer within {seconds} s",
        "timeout_or_community" => "no SNMP answer: unreachable or wrong community",
        "v3_unknown_user" => "the device does not know SNMPv3 user {user}",
        "v3_wrong_digest" => "wrong SNMPv3 authentication password of {user}",
        "v3_not_in_time_window" => "SNMPv3 clocks differ (not in time window)",
        "v3_unsupported_level" => {
            "the device does not support the configured SNMPv3 security level"
        }
        "v3_decryption" => "wrong SNMPv3 privacy password",
        "v3_unknown_engine" => "unknown SNMPv3 engine",
        "unreachable" => "unreachable: {detail}",
        "behind" => "behind {device}, which is at fault",
        "duplicate_engine_id" => "{device} and {other} have the same SNMP engine id",
        "rebooted" => "restarted",
        "link_down" | "line_down" => "interface {interface} of {device} is down",
        "link_up" => "interface {interface} of {device} is up again",
        "lag_line_down" => "one line of an aggregate is down: interface {interface} of {device}",
        "link_lower_layer_down" => "interface {interface} of {device}: lower layer down",
        "interface_errors" => "interface {interface} has {per_second} errors a second",
        "link_full" => "the link is {percent} % full",
        "trap" => "the device reports {name}: {text}",
        "trap_storm" => "{count} traps dropped from {source}: it sends too many",
        "component_failed" => "{component} has failed ({state})",
        "component_warning" => "{component} needs attention ({state})",
        "sensor_high" => "{sensor} is high: {value} {unit}, limit {limit} {unit}",
        "sensor_low" => "{sensor} is low: {value} {unit}, limit {limit} {unit}",
        "sensor_state" => "{sensor}: {state}",
        "recovered" => "{subject} is back to normal",
        "storage_full" => "{storage} is {percent} % full",
        "on_battery" => "the UPS runs on battery, about {minutes} min left",
        "identity_changed" => "{what} changed from {old} to {new}",
        "left" => "left the room",
        "removed" => "was removed from the room",
        "media_lost" => "picture and sound were lost, reason unknown",
        "connection_lost" => "the connection was lost, reason unknown",
        "site_device_down" => "device {device} does not answer",
        "line_back" => "the line is back",
        "media_back" => "picture and sound are back",
        "conference_ended" => "the conference has ended",
        "disk_full" => "the disk is full",
        "picture_no_decoder" => {
            "the picture of {name} comes in {codec}, for which the server has no decoder"
        }
        "picture_undecodable" => "the {codec} picture of {name} cannot be decoded",
        "pipeline_died" => "the recording process stopped: {detail}",
        "daemon_restarted" => "the service restarted",
        "stopped_by" => "stopped by {name}",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_named_in_both_languages() {
        let reason = Reason::new("link_down")
            .with("device", "ISR 4431")
            .with("interface", "Gi0/0/1");
        assert_eq!(
            sentence(&reason, Language::Vi),
            "cổng Gi0/0/1 của ISR 4431 đã mất kết nối"
        );
        assert_eq!(
            sentence(&reason, Language::En),
            "interface Gi0/0/1 of ISR 4431 is down"
        );
    }

    #[test]
    fn braces_of_a_device_are_text() {
        let reason = Reason::new("sensor_state")
            .with("sensor", "{state}\n")
            .with("state", "\u{1b}[31mhot");
        assert_eq!(sentence(&reason, Language::En), "{state} : [31mhot");
    }

    #[test]
    fn an_unknown_code_keeps_its_arguments() {
        assert_eq!(
            sentence(&Reason::new("novel").with("n", 3), Language::En),
            "novel (n: 3)"
        );
    }
}
