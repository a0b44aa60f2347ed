//! Where the people are: the regions of Quảng Nam and the communes of each.

/// A former district that lives on as a regional point of presence.
pub(crate) struct Region {
    pub(crate) name: &'static str,
    /// Its communes and wards; a name that starts with `P ` is a ward (*phường*).
    pub(crate) communes: &'static [&'static str],
}

const fn region(name: &'static str, communes: &'static [&'static str]) -> Region {
    Region { name, communes }
}

/// The 18 districts and towns of the plan of 2020, with communes as they are since July 2025 and a few older ones.
pub(crate) const REGIONS: [Region; 18] = [
    region(
        "Tam Kỳ",
        &["P Tam Kỳ", "P Quảng Phú", "P Hương Trà", "P Bàn Thạch"],
    ),
    region(
        "Hội An",
        &["P Hội An", "P Hội An Đông", "P Hội An Tây", "Tân Hiệp"],
    ),
    region(
        "Điện Bàn",
        &[
            "P Điện Bàn",
            "P Điện Bàn Đông",
            "P An Thắng",
            "P Điện Bàn Bắc",
            "Điện Bàn Tây",
            "Gò Nổi",
        ],
    ),
    region(
        "Núi Thành",
        &[
            "Núi Thành",
            "Tam Mỹ",
            "Tam Anh",
            "Đức Phú",
            "Tam Xuân",
            "Tam Hải",
        ],
    ),
    region("Phú Ninh", &["Phú Ninh", "Tây Hồ", "Chiên Đàn"]),
    region("Quế Sơn", &["Quế Sơn", "Quế Sơn Trung", "Xuân Phú"]),
    region("Nông Sơn", &["Nông Sơn", "Quế Phước"]),
    region(
        "Đại Lộc",
        &["Đại Lộc", "Hà Nha", "Thượng Đức", "Vu Gia", "Phú Thuận"],
    ),
    region(
        "Thăng Bình",
        &[
            "Thăng Bình",
            "Thăng An",
            "Thăng Trường",
            "Thăng Điền",
            "Thăng Phú",
            "Đồng Dương",
        ],
    ),
    region(
        "Duy Xuyên",
        &["Duy Xuyên", "Nam Phước", "Thu Bồn", "Duy Nghĩa"],
    ),
    region("Hiệp Đức", &["Hiệp Đức", "Việt An", "Phước Trà"]),
    region(
        "Tiên Phước",
        &["Tiên Phước", "Lãnh Ngọc", "Thạnh Bình", "Sơn Cẩm Hà"],
    ),
    region(
        "Nam Trà My",
        &["Nam Trà My", "Trà Tập", "Trà Vân", "Trà Linh", "Trà Leng"],
    ),
    region(
        "Bắc Trà My",
        &[
            "Trà My",
            "Trà Giang",
            "Trà Liên",
            "Trà Giáp",
            "Trà Tân",
            "Trà Đốc",
        ],
    ),
    region(
        "Đông Giang",
        &["Đông Giang", "Sông Kôn", "Sông Vàng", "Bến Hiên"],
    ),
    region("Tây Giang", &["Tây Giang", "Avương", "Hùng Sơn"]),
    region(
        "Phước Sơn",
        &[
            "Khâm Đức",
            "Phước Năng",
            "Phước Chánh",
            "Phước Thành",
            "Phước Hiệp",
        ],
    ),
    region(
        "Nam Giang",
        &[
            "Nam Giang",
            "Thạnh Mỹ",
            "Bến Giằng",
            "Đắc Pring",
            "La Dêê",
            "La Êê",
        ],
    ),
];

/// How many communes a lab can have: all that are named here.
pub const COMMUNES_MAX: usize = {
    let mut sum = 0;
    let mut index = 0;
    while index < REGIONS.len() {
        sum += REGIONS[index].communes.len();
        index += 1;
    }
    sum
};

/// A commune of the lab.
pub(crate) struct Commune {
    /// Index into [`REGIONS`].
    pub(crate) region: usize,
    /// `Xã …` or `Phường …`.
    pub(crate) name: String,
    /// `xa-…` or `phuong-…`.
    pub(crate) id: String,
}

/// The first `count` communes, dealt out region by region, so that every region has one before any has two.
pub(crate) fn communes(count: usize) -> Vec<Commune> {
    let deepest = REGIONS
        .iter()
        .map(|region| region.communes.len())
        .max()
        .unwrap_or(0);
    (0..deepest)
        .flat_map(|rank| {
            REGIONS
                .iter()
                .enumerate()
                .filter_map(move |(index, region)| Some((index, *region.communes.get(rank)?)))
        })
        .take(count)
        .map(|(region, raw)| {
            let (kind, slug_kind, bare) = raw
                .strip_prefix("P ")
                .map_or(("Xã", "xa", raw), |ward| ("Phường", "phuong", ward));
            Commune {
                region,
                name: format!("{kind} {bare}"),
                id: format!("{slug_kind}-{}", slug(bare)),
            }
        })
        .collect()
}

/// `Nam Trà My` → `nam-tra-my`.
pub(crate) fn slug(name: &str) -> String {
    name.chars().map(ascii).collect()
}

/// `Nam Trà My` → `Nam Tra My`, for devices that know no other letters.
pub(crate) fn plain(name: &str) -> String {
    name.chars()
        .map(|letter| {
            if letter == ' ' {
                ' '
            } else if letter.is_uppercase() {
                ascii(letter).to_ascii_uppercase()
            } else {
                ascii(letter)
            }
        })
        .collect()
}

fn ascii(letter: char) -> char {
    const FOLDS: [(&str, char); 7] = [
        ("áàảãạăắằẳẵặâấầẩẫậ", 'a'),
        ("éèẻẽẹêếềểễệ", 'e'),
        ("íìỉĩị", 'i'),
        ("óòỏõọôốồổỗộơớờởỡợ", 'o'),
        ("úùủũụưứừửữự", 'u'),
        ("ýỳỷỹỵ", 'y'),
        ("đ", 'd'),
    ];
    let lower = letter.to_lowercase().next().unwrap_or(letter);
    if lower == ' ' {
        return '-';
    }
    FOLDS
        .iter()
        .find(|(from, _)| from.contains(lower))
        .map_or(lower, |(_, to)| *to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ascii_and_unique() {
        let all = communes(usize::MAX);
        assert_eq!(all.len(), COMMUNES_MAX);
        let mut ids: Vec<_> = all.iter().map(|commune| commune.id.as_str()).collect();
        assert!(
            ids.iter()
                .all(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')),
            "{ids:?}"
        );
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), COMMUNES_MAX);
        assert!(
            communes(60)
                .iter()
                .any(|commune| commune.id == "xa-tra-giang" && commune.name == "Xã Trà Giang")
        );
        assert_eq!(plain("Đắc Pring"), "Dac Pring");
    }
}
