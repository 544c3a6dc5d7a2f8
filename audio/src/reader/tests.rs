//! Every kind of recording that is taken, and every kind that is refused.

use std::f64::consts::TAU;
use std::fs;
use std::io::{Seek, SeekFrom};

use hound::{WavSpec, WavWriter};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// Half a second of a tone that every rate can carry, a second tone on a second channel.
fn tone(rate: u32, channel: u16, n: usize) -> f32 {
    let hertz = if channel == 0 { 440.0 } else { 1000.0 };
    (n as f64 / f64::from(rate) * hertz * TAU).sin() as f32 * 0.5
}

fn wav(rate: u32, channels: u16, bits: u16, format: SampleFormat) -> Vec<u8> {
    let spec =
        WavSpec { channels, sample_rate: rate, bits_per_sample: bits, sample_format: format };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
    for n in 0..rate as usize / 2 {
        for channel in 0..channels {
            let sample = tone(rate, channel, n);
            match format {
                SampleFormat::Float => writer.write_sample(sample).unwrap(),
                SampleFormat::Int => {
                    let full = ((1u64 << (bits - 1)) - 1) as f64;
                    writer.write_sample((f64::from(sample) * full).round() as i32).unwrap();
                }
            }
        }
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

/// A WAV file with just the header that is asked for: RIFF, `fmt `, `data`.
fn riff(tag: u16, channels: u16, rate: u32, bits: u16, stated: u32, sound: &[u8]) -> Vec<u8> {
    let block = channels * bits.div_ceil(8);
    let mut bytes = b"RIFF".to_vec();
    bytes.extend(stated.wrapping_add(36).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0");
    bytes.extend(tag.to_le_bytes());
    bytes.extend(channels.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * u32::from(block)).to_le_bytes());
    bytes.extend(block.to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(stated.to_le_bytes());
    bytes.extend(sound);
    bytes
}

fn complete(tag: u16, channels: u16, rate: u32, bits: u16, sound: &[u8]) -> Vec<u8> {
    riff(tag, channels, rate, bits, sound.len() as u32, sound)
}

/// What came of reading it all.
struct Heard {
    legs: Vec<Vec<f32>>,
    incomplete: Option<String>,
}

fn file(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    (dir, path)
}

fn hear(name: &str, bytes: &[u8]) -> Result<Heard, Error> {
    let (_dir, path) = file(name, bytes);
    hear_file(&path)
}

fn hear_file(path: &Path) -> Result<Heard, Error> {
    let mut reader = Reader::open(path)?;
    let mut legs = vec![Vec::new(); reader.legs()];
    let mut until = 0;
    while let Some(block) = reader.read()? {
        assert_eq!(block.start_ms, until, "blocks follow each other");
        let length = block.legs[0].len();
        assert!((1..=SAMPLE_RATE as usize).contains(&length), "a block of {length} samples");
        for (leg, more) in legs.iter_mut().zip(&block.legs) {
            assert_eq!(more.len(), length, "legs are equally long");
            assert!(more.iter().all(|sample| sample.is_finite()), "a sample that is no number");
            leg.extend_from_slice(more);
        }
        until = reader.given_ms();
    }
    Ok(Heard { legs, incomplete: reader.incomplete().map(str::to_owned) })
}

/// Reads and finds the tone of every leg, within what the format can carry.
#[track_caller]
fn check(name: &str, bytes: &[u8], legs: u16, noise: f32) {
    let heard = hear(name, bytes).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(heard.legs.len(), usize::from(legs), "{name}");
    assert_eq!(heard.incomplete, None, "{name}");
    for (channel, leg) in (0..).zip(&heard.legs) {
        assert!(leg.len().abs_diff(8000) <= 1, "{name}: {} samples", leg.len());
        // The filter rings where the tone begins and ends.
        let off = (800..7200)
            .map(|n| (leg[n] - tone(SAMPLE_RATE, channel, n)).abs())
            .fold(0f32, f32::max);
        assert!(off < noise, "{name}: leg {channel} is {off} off");
    }
}

#[track_caller]
fn refused(name: &str, bytes: &[u8], why: &str) {
    let error = hear(name, bytes).err().unwrap_or_else(|| panic!("{name} was taken")).to_string();
    assert!(error.contains(why) && error.contains(name), "{error}");
}

#[test]
fn every_integer_and_float_width_at_every_rate_with_one_leg_and_two() {
    for rate in [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000] {
        for channels in [1, 2] {
            for (bits, noise) in [(8, 0.02), (16, 0.005), (24, 0.005), (32, 0.005)] {
                let bytes = wav(rate, channels, bits, SampleFormat::Int);
                // Resampling of awkward ratios moves the tone by less than a sample.
                let noise = if 16_000 % rate == 0 || rate % 16_000 == 0 { noise } else { 0.2 };
                check(&format!("{rate}-{channels}-{bits}.wav"), &bytes, channels, noise);
            }
            let noise = if 16_000 % rate == 0 || rate % 16_000 == 0 { 0.005 } else { 0.2 };
            check(
                &format!("{rate}-{channels}-float.wav"),
                &wav(rate, channels, 32, SampleFormat::Float),
                channels,
                noise,
            );
        }
    }
}

/// ITU-T G.711, A-law, as the table's formula has it.
fn a_law(sample: f32) -> u8 {
    let value = (sample * 4096.0) as i32;
    let (sign, magnitude) = if value >= 0 { (0xd5u8, value) } else { (0x55, -value - 1) };
    let magnitude = magnitude.min(4095);
    let segment = (32 - (magnitude >> 5).leading_zeros()).min(7);
    let mantissa = if segment < 2 { magnitude >> 1 } else { magnitude >> segment };
    sign ^ ((segment << 4) as u8 | (mantissa & 15) as u8)
}

/// ITU-T G.711, µ-law.
fn mu_law(sample: f32) -> u8 {
    let value = (sample * 8192.0) as i32;
    let magnitude = value.abs().min(8158) + 33;
    let segment = 26 - (magnitude as u32).leading_zeros();
    let mantissa = (magnitude >> (segment + 1)) & 15;
    !((if value < 0 { 0x80 } else { 0 }) | (segment << 4) as u8 | mantissa as u8)
}

#[test]
fn a_law_and_mu_law_as_telephones_send_them() {
    for channels in [1u16, 2] {
        let sound = |law: fn(f32) -> u8| -> Vec<u8> {
            (0..4000)
                .flat_map(|n| (0..channels).map(move |channel| law(tone(8000, channel, n))))
                .collect()
        };
        check("a.wav", &complete(6, channels, 8000, 8, &sound(a_law)), channels, 0.03);
        check("mu.wav", &complete(7, channels, 8000, 8, &sound(mu_law)), channels, 0.03);
    }
}

#[test]
fn flac_is_heard_like_the_wav_that_it_was_made_of() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for (name, legs) in [("tone-8000-mono.flac", 1), ("tone-16000-stereo.flac", 2)] {
        check(name, &fs::read(fixtures.join(name)).unwrap(), legs, 0.005);
    }
}

#[test]
fn a_killed_recorders_file_is_taken_as_far_as_it_goes() {
    let sound: Vec<u8> = (0..16_000i32).flat_map(|n| (n as i16).to_le_bytes()).collect();
    for (stated, why) in [
        (0, "never wrote the length"),
        (u32::MAX, "never wrote the length"),
        (64_000, "32000 of 64000 bytes"),
    ] {
        let heard = hear("killed.wav", &riff(1, 1, 16_000, 16, stated, &sound)).unwrap();
        assert_eq!(heard.legs[0].len(), 16_000, "stated {stated}");
        assert!(heard.incomplete.is_some_and(|missing| missing.contains(why)), "stated {stated}");
    }
}

#[test]
fn half_a_sample_at_the_end_is_left_out() {
    let mut sound = vec![0; 3200];
    sound.push(7);
    for (channels, legs) in [(1, 1600), (2, 800)] {
        let heard = hear("odd.wav", &riff(1, channels, 16_000, 16, 0, &sound)).unwrap();
        assert_eq!(heard.legs[0].len(), legs);
        let heard = hear("odd.wav", &complete(1, channels, 16_000, 16, &sound)).unwrap();
        assert_eq!(heard.legs[0].len(), legs);
    }
}

#[test]
fn one_sample_is_a_recording_and_none_is_a_silent_one() {
    for rate in [8_000, 16_000, 48_000] {
        let heard = hear("one.wav", &complete(1, 1, rate, 16, &[1, 0])).unwrap();
        assert_eq!(heard.legs[0].len(), 16_000u32.div_ceil(rate) as usize, "{rate}");
        let heard = hear("none.wav", &complete(1, 1, rate, 16, &[])).unwrap();
        assert_eq!((heard.legs[0].len(), heard.incomplete), (0, None), "{rate}");
    }
}

#[test]
fn floats_that_are_no_numbers_or_too_loud_are_made_harmless() {
    let sound: Vec<u8> = [f32::NAN, f32::INFINITY, -f32::INFINITY, 3.0, -3.0, 0.25]
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect();
    let heard = hear("nan.wav", &complete(3, 1, 16_000, 32, &sound)).unwrap();
    assert_eq!(heard.legs[0], [0.0, 0.0, 0.0, 1.0, -1.0, 0.25]);
}

#[test]
fn chunks_before_the_sound_are_passed_over() {
    let plain = wav(16_000, 1, 16, SampleFormat::Int);
    let mut bytes = plain[..36].to_vec();
    bytes.extend(b"LIST\x03\0\0\0odd\0");
    bytes.extend(&plain[36..]);
    check("list.wav", &bytes, 1, 0.005);
    // What follows the sound is no sound.
    let mut bytes = plain.clone();
    bytes.extend(b"LIST\x04\0\0\0more");
    check("after.wav", &bytes, 1, 0.005);
}

#[test]
fn what_is_no_recording_of_a_call_is_refused_with_the_remedy() {
    refused("empty.wav", b"", "the file is empty; fetch it again");
    refused("text.wav", "喂，你好。这不是录音。\n".as_bytes(), "not a readable sound file");
    refused("short.wav", &wav(8000, 1, 16, SampleFormat::Int)[..20], "convert it with: ffmpeg");
    refused("riff.wav", b"RIFF", "convert it with: ffmpeg");
    refused("nodata.wav", &wav(8000, 1, 16, SampleFormat::Int)[..36], "convert it with: ffmpeg");
    refused("fast.wav", &complete(1, 6, 96_000, 16, &[0; 1200]), "96000 Hz");
    refused("slow.wav", &complete(1, 1, 4_000, 16, &[0; 1200]), "4000 Hz");
    refused("six.wav", &complete(1, 6, 16_000, 16, &[0; 1200]), "6 channels");
    refused("no-channel.wav", &complete(1, 0, 16_000, 16, &[0; 1200]), "convert it with: ffmpeg");
    refused("no-rate.wav", &complete(1, 1, 0, 16, &[0; 1200]), "convert it with: ffmpeg");
    refused("odd-bits.wav", &complete(1, 1, 16_000, 13, &[0; 1200]), "convert it with: ffmpeg");
    refused("unknown.wav", &complete(0x1234, 1, 16_000, 16, &[0; 1200]), "convert it with: ffmpeg");
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Reader::open(dir.path()), Err(Error::Unreadable { .. })));
    assert!(matches!(Reader::open(&dir.path().join("absent.wav")), Err(Error::Io { .. })));
}

/// Inputs that once broke something stay here for ever: `audio/fixtures/bad`.
#[test]
fn known_bad_inputs_do_no_harm() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bad");
    let files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    for path in files {
        // Refused or heard: either is an answer.
        let _ = hear_file(&path);
    }
}

#[test]
fn a_length_without_sound_takes_no_memory() {
    let (_dir, path) = file("hole.wav", &riff(1, 2, 48_000, 16, 0, &[]));
    // An hour of silence that is not on the disk.
    let hour = 48_000 * 4 * 3600;
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(44 + hour).unwrap();
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.total_ms(), Some(3_600_000));
    for _ in 0..100 {
        let block = reader.read().unwrap().unwrap();
        assert!(block.legs.iter().all(|leg| leg.len() <= SAMPLE_RATE as usize));
    }
}

#[test]
fn a_patched_file_is_sought_like_any_other() {
    let sound: Vec<u8> = (0..100).collect();
    let (_dir, path) = file("seek.wav", &riff(1, 1, 16_000, 16, 0, &sound));
    let mut patched = Patched::open(File::open(&path).unwrap()).unwrap().unwrap();
    let mut byte_at = |to| {
        let at = patched.seek(to).unwrap();
        let mut byte = [0];
        (at, std::io::Read::read(&mut patched, &mut byte).unwrap(), byte[0])
    };
    assert_eq!(byte_at(SeekFrom::Start(0)), (0, 1, b'R'));
    assert_eq!(byte_at(SeekFrom::Start(40)), (40, 1, 100), "the length is what is there");
    assert_eq!(byte_at(SeekFrom::Start(44)), (44, 1, 0));
    assert_eq!(byte_at(SeekFrom::Current(4)), (49, 1, 5));
    assert_eq!(byte_at(SeekFrom::Current(-6)), (44, 1, 0));
    assert_eq!(byte_at(SeekFrom::End(-1)), (143, 1, 99));
    assert_eq!(byte_at(SeekFrom::End(0)), (144, 0, 0));
    assert_eq!(
        byte_at(SeekFrom::Start(1 << 40)),
        (1 << 40, 0, 0),
        "beyond the end there is nothing"
    );
    assert!(
        patched.seek(SeekFrom::End(-145)).is_err(),
        "before the beginning there is nothing to seek"
    );
    assert!(patched.seek(SeekFrom::Current(i64::MIN)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_header_makes_the_reader_panic(
        tag in prop_oneof![Just(1u16), Just(3), Just(6), Just(7), Just(0xfffe), any::<u16>()],
        channels in prop_oneof![0u16..9, any::<u16>()],
        rate in prop_oneof![Just(0u32), Just(8_000), Just(16_000), Just(48_000), any::<u32>()],
        bits in prop_oneof![Just(8u16), Just(16), Just(24), Just(32), 0u16..80],
        stated in prop_oneof![Just(0u32), Just(u32::MAX), any::<u32>()],
        sound in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let block = channels.wrapping_mul(bits.div_ceil(8));
        let mut bytes = riff(tag, 1, 1, 1, stated, &sound);
        bytes[22..24].copy_from_slice(&channels.to_le_bytes());
        bytes[24..28].copy_from_slice(&rate.to_le_bytes());
        bytes[32..34].copy_from_slice(&block.to_le_bytes());
        bytes[34..36].copy_from_slice(&bits.to_le_bytes());
        let _ = hear("header.wav", &bytes);
    }

    #[test]
    fn no_flipped_byte_makes_the_reader_panic(
        flips in prop::collection::vec((0usize..2000, any::<u8>()), 1..8),
        length in 0usize..2000,
        flac in any::<bool>(),
    ) {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let mut bytes = if flac { fs::read(fixtures.join("tone-8000-mono.flac")).unwrap() } else { wav(8_000, 2, 16, SampleFormat::Int) };
        bytes.truncate(length.max(200));
        for (at, to) in flips {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = to;
            }
        }
        let _ = hear(if flac { "flipped.flac" } else { "flipped.wav" }, &bytes);
    }
}
