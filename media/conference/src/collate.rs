//! Vietnamese alphabetical order.

/// The alphabet's letters in order; each entry holds a letter with its tones: none, grave, hook,
/// tilde, acute, dot. Letters outside the Vietnamese alphabet stand where Latin order puts them.
const LETTERS: [&str; 33] = [
    "aàảãáạ",
    "ăằẳẵắặ",
    "âầẩẫấậ",
    "b",
    "c",
    "d",
    "đ",
    "eèẻẽéẹ",
    "êềểễếệ",
    "f",
    "g",
    "h",
    "iìỉĩíị",
    "j",
    "k",
    "l",
    "m",
    "n",
    "oòỏõóọ",
    "ôồổỗốộ",
    "ơờởỡớợ",
    "p",
    "q",
    "r",
    "s",
    "t",
    "uùủũúụ",
    "ưừửữứự",
    "v",
    "w",
    "x",
    "yỳỷỹýỵ",
    "z",
];

/// A key by which names sort as in a Vietnamese index: first by letters, tones decide ties.
/// Expects precomposed text (NFC); digits stand before letters, other scripts after.
pub(crate) fn sort_key(name: &str) -> (Vec<u32>, Vec<u8>) {
    let mut letters = Vec::new();
    let mut tones = Vec::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        let place = LETTERS
            .iter()
            .enumerate()
            .find_map(|(rank, tones)| tones.chars().position(|t| t == c).map(|tone| (rank, tone)));
        // ASCII punctuation and digits keep their order below the letters, which begin at 0x80.
        let (letter, tone) = match place {
            Some((rank, tone)) => (0x80 + rank as u32, tone as u8),
            None if c.is_ascii() => (c as u32, 0),
            None => (0x100 + c as u32, 0),
        };
        letters.push(letter);
        tones.push(tone);
    }
    (letters, tones)
}

#[cfg(test)]
mod tests {
    use super::sort_key;

    #[test]
    fn district_names_stand_as_in_a_vietnamese_index() {
        let mut names = [
            "Thăng Bình",
            "Đại Lộc",
            "Điện Bàn",
            "Duy Xuyên",
            "Tam Kỳ",
            "Ấp 2",
            "An Phú",
            "Ấp 10",
            "Bắc Trà My",
        ];
        names.sort_by_cached_key(|name| sort_key(name));
        assert_eq!(
            names,
            [
                "An Phú",
                "Ấp 10",
                "Ấp 2",
                "Bắc Trà My",
                "Duy Xuyên",
                "Đại Lộc",
                "Điện Bàn",
                "Tam Kỳ",
                "Thăng Bình"
            ]
        );
    }
}
