//! A predictor that knows what the fake machines will do.

use std::sync::Mutex;

use guest_protocol::Load;
use scenario::boots::transcript::{LoadStep, Transcript};
use scenario::prediction::{BtfFate, BtfPrediction, ModulePrediction, PredictedLine, Prediction, Refusal, VERSION};
use scenario::run::{Error, KernelFiles, ModuleFile, Predictor, fingerprint};
use verdict::Line;

use super::machines::{Behaviour, FakeMachines};

/// Predicts what the fake machine of a scenario will do, unless it is to be wrong about a module.
pub struct FakePredictor<'a> {
    pub machines: &'a FakeMachines,
    pub wrong_about: &'a Mutex<Option<String>>,
}

impl Predictor for FakePredictor<'_> {
    fn predict(&self, scenario: &str, _: &KernelFiles, modules: &[&ModuleFile]) -> Result<Prediction, Error> {
        let behaviour = self.machines.behaviours.lock().unwrap().get(scenario).cloned();
        let mut predictions: Vec<_> = match behaviour {
            Some(Behaviour::Replays(transcript)) => replayed(&transcript, modules),
            _ => modules.iter().map(|module| loads(module)).collect(),
        };
        if let Some(name) = self.wrong_about.lock().unwrap().as_ref() {
            let wrong = predictions.iter_mut().find(|module| module.module == *name).unwrap();
            wrong.btf = BtfPrediction { lines: Vec::new(), fate: BtfFate::Refused { errno: 22, loads: false } };
        }
        Ok(Prediction { prediction: VERSION, kernel: "6.1".into(), verified: true, modules: predictions })
    }
}

fn loads(module: &ModuleFile) -> ModulePrediction {
    let fate = module.btf.as_deref().map_or(BtfFate::None, |btf| BtfFate::Accepted(fingerprint(btf)));
    let btf = BtfPrediction { lines: Vec::new(), fate };
    ModulePrediction { module: module.name.clone(), head: None, imports: Vec::new(), btf }
}

fn replayed(transcript: &Transcript, modules: &[&ModuleFile]) -> Vec<ModulePrediction> {
    let predict = |(step, module): (LoadStep<'_>, &&ModuleFile)| {
        let lines = step.records.iter().filter(|record| Line::parse(&record.unescaped()).is_some());
        let lines = lines.map(|record| PredictedLine { level: record.level, text: record.text.clone() }).collect();
        let Load { errno, btf, .. } = step.load;
        let mut prediction = loads(module);
        if *errno != 0 {
            prediction.head = Some(Refusal { lines, errno: *errno });
            return prediction;
        }
        let fate = match btf {
            Some(shown) if Some(shown) != step.given.btf.as_ref() => BtfFate::Accepted(shown.clone()),
            Some(_) => prediction.btf.fate,
            None => BtfFate::Refused { errno: 22, loads: true },
        };
        prediction.btf = BtfPrediction { lines, fate };
        prediction
    };
    transcript.steps().zip(modules).map(predict).collect()
}
