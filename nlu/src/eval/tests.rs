use super::*;

fn judged(right: usize, given: &[(usize, f32)]) -> Judged {
    Judged { right, given: given.to_vec() }
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-6, "{a} is not {b}");
}

#[test]
fn measures_of_four_rows_by_hand() {
    let rows = [
        judged(0, &[(0, 0.9), (1, 0.1)]),
        judged(0, &[(1, 0.6), (0, 0.4)]),
        judged(1, &[(1, 0.8), (0, 0.2)]),
        judged(1, &[(1, 0.7), (0, 0.3)]),
    ];
    let e = measure(vec!["甲".into(), "乙".into()], &rows);
    close(e.accuracy, 0.75);
    // 甲: precision 1, recall 1/2; 乙: precision 2/3, recall 1.
    close(e.macro_f1, (2.0 / 3.0 + 0.8) / 2.0);
    close(e.top3, 1.0);
    close(e.accuracy_at_80, 1.0);
    assert_eq!(e.confusion, [[1, 1, 0], [0, 2, 0]]);
    // Bins of 1/15: 0.9 and 0.8, 0.7, 0.6 fall into four bins.
    close(e.ece, (0.1 + 0.6 + 0.2 + 0.3) / 4.0);
    assert!(e.to_svg().ends_with("</svg>\n"));
}

#[test]
fn probabilities_of_a_foreign_label_add_up() {
    let p = [0.3, 0.25, 0.25, 0.2];
    let groups = [vec![0], vec![1, 2]];
    let order = |restrict| compete(&p, &groups, restrict).iter().map(|g| g.0).collect::<Vec<_>>();
    assert_eq!(order(true), [1, 0]);
    assert_eq!(order(false), [1, 0, 2]);
    close(compete(&p, &groups, true).iter().map(|g| f64::from(g.1)).sum(), 1.0);
}

#[test]
fn maps_are_read_with_one_or_many() {
    let map: LabelMap =
        toml::from_str("\"建言\" = \"建议\"\n\"投诉/求助\" = [\"投诉\", \"求助\"]").unwrap();
    assert_eq!(map.ours("建言"), ["建议"]);
    assert_eq!(map.ours("投诉/求助"), ["投诉", "求助"]);
    assert_eq!(map.ours("咨询"), ["咨询"]);
}

fn types_by(map: LabelMap) -> (Labels, Options) {
    let labels = Labels { departments: Vec::new(), categories: Vec::new(), offices: Vec::new() };
    (labels, Options { head: Head::Type, restrict: false, map })
}

#[test]
fn an_unknown_label_is_named_with_its_remedy() {
    let (labels, options) = types_by(LabelMap::default());
    let error = columns_of(&labels, &options, "抱怨").unwrap_err();
    assert!(error.to_string().contains("抱怨") && error.to_string().contains("--map"));
}

#[test]
fn kinds_of_letters_are_known_unless_the_map_says_otherwise() {
    let (labels, options) = types_by(LabelMap::default());
    assert_eq!(columns_of(&labels, &options, "建言").unwrap(), [4]);
    assert_eq!(columns_of(&labels, &options, "投诉/求助").unwrap(), [2, 1, 3]);
    let only = [("投诉/求助".to_owned(), vec!["投诉".to_owned()])].into_iter().collect();
    let (labels, options) = types_by(only);
    assert_eq!(columns_of(&labels, &options, "投诉/求助").unwrap(), [2]);
}
