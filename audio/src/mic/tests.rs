use super::*;
use crate::Reader;

const RATE: u32 = 16_000;

/// An ear and the writing side of its buffer, as `record` joins them.
fn pair(room: usize, channels: usize, left: u64) -> (Ear, Consumer<f32>, Arc<Told>) {
    let (ring, heard) = RingBuffer::new(room);
    let told = Arc::new(Told::default());
    (Ear { ring, channels, left, told: Arc::clone(&told) }, heard, told)
}

fn all(heard: &mut Consumer<f32>) -> Vec<f32> {
    std::iter::from_fn(|| heard.pop().ok()).collect()
}

#[test]
fn every_sample_format_is_heard_alike() {
    fn check<T: Sample>(samples: [T; 3])
    where
        f32: FromSample<T>,
    {
        let (mut ear, mut heard, _) = pair(8, 1, 8);
        ear.hear(&samples);
        let heard = all(&mut heard);
        let expected = [0.0, 0.5, -1.0];
        let near = |(is, due): (&f32, &f32)| (is - due).abs() < 0.01;
        assert!(heard.len() == 3 && heard.iter().zip(&expected).all(near), "{heard:?}");
    }
    check([0i8, 64, -128]);
    check([0i16, 1 << 14, i16::MIN]);
    check([0i32, 1 << 30, i32::MIN]);
    check([0i64, 1 << 62, i64::MIN]);
    check([128u8, 192, 0]);
    check([1u16 << 15, 3 << 14, 0]);
    check([1u32 << 31, 3 << 30, 0]);
    check([1u64 << 63, 3 << 62, 0]);
    check([0f32, 0.5, -1.0]);
    check([0f64, 0.5, -1.0]);
    let i24 = |value| cpal::I24::new(value).unwrap();
    check([i24(0), i24(1 << 22), i24(-(1 << 23))]);
    let u24 = |value| cpal::U24::new(value).unwrap();
    check([u24(1 << 23), u24(3 << 22), u24(0)]);
}

#[test]
fn of_several_channels_the_first_is_kept() {
    let (mut ear, mut heard, _) = pair(8, 2, 8);
    ear.hear(&[0.1f32, 0.9, 0.2, 0.9, 0.3, 0.9]);
    assert_eq!(all(&mut heard), [0.1, 0.2, 0.3]);
}

#[test]
fn no_more_is_kept_than_was_asked_for_and_nothing_of_that_counts_as_lost() {
    let (mut ear, mut heard, told) = pair(100, 1, 5);
    ear.hear(&[0.5f32; 4]);
    ear.hear(&[0.5f32; 50]);
    assert_eq!((all(&mut heard).len(), told.missing(0, RATE)), (5, None));
}

#[test]
fn what_finds_the_buffer_full_is_counted_and_hearing_goes_on() {
    let (mut ear, mut heard, told) = pair(100, 1, u64::MAX);
    ear.hear(&[0.25f32; 1700]);
    assert_eq!(all(&mut heard).len(), 100);
    ear.hear(&[0.5f32; 60]);
    assert_eq!(all(&mut heard), [0.5; 60]);
    let missing = told.missing(10, RATE).unwrap();
    assert_eq!(missing, "100 ms were lost because the disk was too slow; record to a faster one");
}

#[test]
fn a_device_that_breaks_off_ends_the_recording_and_the_first_reason_counts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("call.wav");
    let (mut ear, mut heard, told) = pair(100_000, 1, u64::MAX);
    ear.hear(&vec![0.5f32; 8_000]);
    told.note(ErrorKind::RealtimeDenied.into());
    told.note(ErrorKind::DeviceNotAvailable.into());
    told.note(ErrorKind::StreamInvalidated.into());
    let mut writer = Writer::create(&path, RATE).unwrap();
    let samples = spool(&mut heard, &told, &mut writer, u64::MAX, &AtomicBool::new(false)).unwrap();
    writer.break_off().unwrap();
    assert_eq!(samples, 8_000);
    let missing = told.missing(500, RATE).unwrap();
    assert_eq!(missing, "broke off after 500 ms: unplugged or not there; plug it in and try again");
    assert_incomplete(&path, 500);
}

#[test]
fn an_overrun_of_the_device_itself_is_told() {
    let (_, _, told) = pair(1, 1, 1);
    told.note(ErrorKind::Xrun.into());
    told.note(ErrorKind::Xrun.into());
    assert_eq!(told.missing(0, RATE).unwrap(), "the device overran 2 times; end other programs");
}

#[test]
fn the_stop_is_heeded_after_what_was_heard_before_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("call.wav");
    let (mut ear, mut heard, told) = pair(100_000, 1, u64::MAX);
    let mut writer = Writer::create(&path, RATE).unwrap();
    ear.hear(&vec![0.5f32; 1_600]);
    assert_eq!(
        spool(&mut heard, &told, &mut writer, u64::MAX, &AtomicBool::new(true)).unwrap(),
        1_600
    );
    writer.finish().unwrap();
    let mut reader = Reader::open(&path).unwrap();
    while reader.read().unwrap().is_some() {}
    assert_eq!((reader.given_ms(), reader.incomplete()), (100, None));
}

#[test]
fn a_killed_recorder_leaves_what_it_heard_and_that_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("call.wav");
    let mut writer = Writer::create(&path, RATE).unwrap();
    writer.write(&vec![0.5f32; 80_000]).unwrap();
    // The process dies here: what a copy of the file holds now is all there is.
    let left = dir.path().join("left.wav");
    std::fs::copy(&path, &left).unwrap();
    let there = (std::fs::metadata(&left).unwrap().len() - 44) / 2;
    assert!(there > 75_000, "only {there} samples of 80000 reached the system");
    assert_incomplete(&left, there * 1000 / u64::from(RATE));
}

#[track_caller]
fn assert_incomplete(path: &Path, ms: u64) {
    let mut reader = Reader::open(path).unwrap();
    while reader.read().unwrap().is_some() {}
    assert_eq!(reader.given_ms(), ms);
    assert!(reader.incomplete().is_some_and(|missing| missing.contains("never wrote the length")));
}
