use super::*;
use crate::heard::Said;

fn gazetteer() -> Gazetteer {
    let city = Path::new(env!("CARGO_MANIFEST_DIR")).join("../city/places");
    Gazetteer::load(&city, "1101").expect("the repository's own table")
}

#[test]
fn places_however_they_are_named() {
    let gazetteer = gazetteer();
    let rows = [
        ("我在海淀区北太平庄街道", "北京市 市辖区 海淀区 北太平庄街道"),
        ("朝阳区望井街道这边", "北京市 市辖区 朝阳区 望京街道"),
        ("海淀北太平装这儿", "北京市 市辖区 海淀区 北太平庄街道"),
        // What sounds like a street of another district is no street of the one that was named.
        ("就是房山骨程街道这边", "北京市 市辖区 房山区"),
        ("长平区东小口中滩村那个", "北京市 市辖区 昌平区 东小口地区"),
        ("西城的广外广安门外街道", "北京市 市辖区 西城区 广安门外街道"),
        ("我住在丰台区", "北京市 市辖区 丰台区"),
        ("海定区许愿路街道的,就在二里庄那边", "北京市 市辖区 海淀区 学院路街道"),
        ("在朝阳区,轻松街道,三零六号楼", "北京市 市辖区 朝阳区 劲松街道"),
        ("在丰台区卢高乔街道小井派出所", "北京市 市辖区 丰台区 卢沟桥街道"),
        ("在湖南长沙市岳麓区望城拨捷道", "湖南省 长沙市 岳麓区 望城坡街道"),
        ("说网上买的东西有问题,我去高桥街道问过", ""),
        ("湖南省长沙市岳麓区", "湖南省 长沙市 岳麓区"),
        ("楼下烧烤店油烟特别大", ""),
        ("公交车等了半个小时都不来", ""),
        ("我们小区暖气不热，家里只有十四度", ""),
    ];
    for (text, expected) in rows {
        let names = gazetteer
            .resolve_text(text)
            .map(|found| found.value.names.join(" "))
            .unwrap_or_default();
        assert_eq!(names, expected, "{text}");
    }
}

#[test]
fn buildings_are_normalised() {
    let gazetteer = gazetteer();
    let found =
        gazetteer.resolve_text("朝阳区望京街道六号院三单元二零一，暖气不热").expect("a place");
    assert_eq!(found.value.detail, "6号院3单元201");
    assert_eq!(found.value.text, "朝阳区望京街道六号院三单元二零一");
}

#[test]
fn the_road_and_the_estate_belong_to_the_place() {
    let gazetteer = gazetteer();
    for (text, detail) in [
        ("海淀区清河街道安宁庄西路9号院门口的垃圾", "安宁庄西路9号院"),
        ("朝阳区望京街道的花家地南里六号院三单元二零一漏水", "花家地南里6号院3单元201"),
        ("昌平区回龙观街道，龙泽园小区3号楼电梯坏了", "龙泽园小区3号楼"),
        ("东城区和平里街道，地址是兴化路甲3号", "兴化路甲3号"),
        ("朝阳区望京街道阜通东大街路口有个井盖没了", "阜通东大街"),
        // What stands before a number is no name just because it stands there.
        ("西城区德胜街道楼上三层漏水", "3层"),
        ("朝阳区望京街道反映一下我们3号楼的事", "3号楼"),
        ("海淀区清河街道的邻居家装修", ""),
        ("海淀区清河街道有人在大街上烧烤", ""),
    ] {
        let found = gazetteer.resolve_text(text).expect("a place");
        assert_eq!(found.value.detail, detail, "{text}");
    }
}

#[test]
fn a_correction_outweighs_what_it_corrects() {
    let said = vec![Said::from_text(Leg::Caller, "我在朝阳区，不对，是海淀区中关村街道")];
    let heard = Heard { said, started_at: jiff::Timestamp::UNIX_EPOCH, line_number: None };
    let found = gazetteer().find(&heard, &[0]).expect("a place");
    assert_eq!(found.value.names.last().map(String::as_str), Some("中关村街道"));
}
