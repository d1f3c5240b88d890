"""Table of torchvision's datasets of labelled images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zoo_torchvision import extract, words

__all__ = ["SETS", "Source"]

Kwargs = Mapping[str, Any]
ELSEWHERE = "see its site"

BY_TRAIN: dict[str, Kwargs] = {"train": {"train": True}, "test": {"train": False}}
TRAIN_TEST: dict[str, Kwargs] = {"train": {"split": "train"}, "test": {"split": "test"}}
TRAIN_VAL: dict[str, Kwargs] = {"train": {"split": "train"}, "val": {"split": "val"}}
TRAIN_VAL_TEST: dict[str, Kwargs] = {**TRAIN_VAL, "test": {"split": "test"}}
WHOLE: dict[str, Kwargs] = {"train": {}}


@dataclass(frozen=True, kw_only=True)
class Source:
    """Description of one dataset of torchvision.

    Args:
        name: name of the component.
        maker: name of the class in ``torchvision.datasets``.
        splits: arguments of that class for each of the zoo's splits.
        needs: required files and folders; ``{folder}`` and the like depend on an option.
        site: origin of the files.
        terms: licence of the files, where known for certain.
        by_hand: instructions to get the files, where torchvision doesn't download them.
        package: further package that is needed for reading.
        getter: further package that is needed for downloading.
        files: function of torchvision's object that returns image files and labels; None for images in arrays.
        targets: function that returns the labels of images in arrays.
        classes: function that returns the names of the classes.
        prepare: function that is applied to torchvision's object first.
        fingerprint: function that returns a hash of images in arrays.
        groups: function that returns the group of each image file, which validation keeps together.
        idx: the original files may be directly in the folder (:mod:`zoo_torchvision.idx`).
        packaged: folder of such files of a package of Debian, which is read where the cache has none.
    """

    name: str
    maker: str
    splits: Mapping[str, Kwargs]
    needs: tuple[str, ...]
    site: str
    terms: str = ELSEWHERE
    by_hand: str = ""
    package: str = ""
    getter: str = ""
    files: Callable[[Any], extract.Pairs] | None = None
    targets: Callable[[Any], Sequence[int]] = extract.targets
    classes: Callable[[Any], Sequence[str]] = field(default=lambda data: words.plain(data.classes))
    prepare: Callable[[Any], None] | None = None
    fingerprint: Callable[[Any], str] = extract.fingerprint_of
    groups: Callable[[extract.Pairs], Sequence[str]] | None = None
    idx: bool = False
    packaged: str = ""


def _always(names: Sequence[str]) -> Callable[[Any], Sequence[str]]:
    return lambda data: names


_OXFORD = "https://www.robots.ox.ac.uk/~vgg/data"
_TABLE = [
    Source(
        name="cifar10",
        maker="CIFAR10",
        splits=BY_TRAIN,
        needs=("cifar-10-batches-py",),
        site="https://www.cs.toronto.edu/~kriz/cifar.html",
    ),
    Source(
        name="cifar100",
        maker="CIFAR100",
        splits=BY_TRAIN,
        needs=("cifar-100-python",),
        site="https://www.cs.toronto.edu/~kriz/cifar.html",
    ),
    Source(
        name="mnist",
        maker="MNIST",
        splits=BY_TRAIN,
        needs=("MNIST",),
        site="http://yann.lecun.com/exdb/mnist/",
        classes=_always(words.DIGITS),
        idx=True,
    ),
    Source(
        name="fashion_mnist",
        maker="FashionMNIST",
        splits=BY_TRAIN,
        needs=("FashionMNIST",),
        site="https://github.com/zalandoresearch/fashion-mnist",
        terms="MIT",
        classes=_always(words.CLOTHES),
        idx=True,
        packaged="/usr/share/datasets/fashion-mnist",  # of dataset-fashion-mnist
    ),
    Source(
        name="kmnist",
        maker="KMNIST",
        splits=BY_TRAIN,
        needs=("KMNIST",),
        site="http://codh.rois.ac.jp/kmnist/",
        terms="CC BY-SA 4.0",
        classes=_always(words.KANA),
        idx=True,
    ),
    Source(
        name="emnist",
        maker="EMNIST",
        splits=BY_TRAIN,
        needs=("EMNIST",),
        site="https://www.nist.gov/itl/products-and-services/emnist-dataset",
        prepare=extract.turn_upright,
    ),
    Source(
        name="qmnist",
        maker="QMNIST",
        splits=BY_TRAIN,
        needs=("QMNIST",),
        site="https://github.com/facebookresearch/qmnist",
        classes=_always(words.DIGITS),
        targets=extract.first_targets,
    ),
    Source(
        name="usps",
        maker="USPS",
        splits=BY_TRAIN,
        needs=("usps.bz2", "usps.t.bz2"),
        site="https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass.html#usps",
        classes=_always(words.DIGITS),
    ),
    Source(
        name="semeion",
        maker="SEMEION",
        splits=WHOLE,
        needs=("semeion.data",),
        site="https://archive.ics.uci.edu/dataset/178/semeion+handwritten+digit",
        classes=_always(words.DIGITS),
    ),
    Source(
        name="svhn",
        maker="SVHN",
        splits=TRAIN_TEST,
        needs=("train_32x32.mat", "test_32x32.mat"),
        site="http://ufldl.stanford.edu/housenumbers/",
        classes=_always(words.DIGITS),
    ),
    Source(
        name="stl10",
        maker="STL10",
        splits=TRAIN_TEST,
        needs=("stl10_binary",),
        site="https://cs.stanford.edu/~acoates/stl10/",
        classes=_always(words.STL10),
    ),
    Source(
        name="gtsrb",
        maker="GTSRB",
        splits=TRAIN_TEST,
        needs=("gtsrb/GTSRB/Training", "gtsrb/GTSRB/Final_Test", "gtsrb/GT-final_test.csv"),
        site="https://benchmark.ini.rub.de/gtsrb_dataset.html",
        files=extract.signs,
        groups=extract.tracks,
        classes=_always(words.SIGNS),
    ),
    Source(
        name="pcam",
        maker="PCAM",
        splits=TRAIN_VAL_TEST,
        needs=("pcam",),
        site="https://github.com/basveeling/pcam",
        terms="CC0",
        package="h5py",
        getter="gdown",
        classes=_always(words.TUMOUR),
        prepare=extract.let_go_of_h5py,
        targets=extract.h5_labels,
        fingerprint=extract.h5_fingerprint,
    ),
    Source(
        name="fer2013",
        maker="FER2013",
        splits=TRAIN_TEST,
        needs=("fer2013",),
        site="https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge",
        by_hand="with an account there, and put fer2013.csv (or icml_face_data.csv) into FOLDER/fer2013",
        classes=_always(words.FACES),
        targets=extract.face_targets,
    ),
    Source(
        name="flowers102",
        maker="Flowers102",
        splits=TRAIN_VAL_TEST,
        needs=("flowers-102",),
        site=f"{_OXFORD}/flowers/102/",
        files=extract.image_files,
    ),
    Source(
        name="food101",
        maker="Food101",
        splits=TRAIN_TEST,
        needs=("food-101/meta", "food-101/images"),
        site="https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/",
        files=extract.image_files,
    ),
    Source(
        name="oxford_iiit_pet",
        maker="OxfordIIITPet",
        splits={"train": {"split": "trainval"}, "test": {"split": "test"}},
        needs=("oxford-iiit-pet/images", "oxford-iiit-pet/annotations"),
        site=f"{_OXFORD}/pets/",
        terms="CC BY-SA 4.0; the photos' copyright stays with their owners",
        files=extract.pets,
    ),
    Source(
        name="stanford_cars",
        maker="StanfordCars",
        splits=TRAIN_TEST,
        needs=(
            "stanford_cars/devkit",
            "stanford_cars/cars_train",
            "stanford_cars/cars_test",
            "stanford_cars/cars_test_annos_withlabels.mat",
        ),
        site="Stanford's AI lab, 'Cars' (J. Krause et al., 2013), whose own address is gone",
        by_hand="from a mirror: car_devkit.tgz, cars_train.tgz, cars_test.tgz and cars_test_annos_withlabels.mat, "
        "unpacked into FOLDER/stanford_cars",
        files=extract.samples,
    ),
    Source(
        name="fgvc_aircraft",
        maker="FGVCAircraft",
        splits=TRAIN_VAL_TEST,
        needs=("fgvc-aircraft-2013b/data",),
        site=f"{_OXFORD}/fgvc-aircraft/",
        terms="for non-commercial research only",
        files=extract.image_files,
        classes=lambda data: data.classes,
    ),
    Source(
        name="dtd",
        maker="DTD",
        splits=TRAIN_VAL_TEST,
        needs=("dtd/dtd/images", "dtd/dtd/labels"),
        site=f"{_OXFORD}/dtd/",
        files=extract.image_files,
    ),
    Source(
        name="eurosat",
        maker="EuroSAT",
        splits=WHOLE,
        needs=("eurosat/2750",),
        site="https://github.com/phelber/EuroSAT",
        terms="MIT",
        files=extract.samples,
        classes=lambda data: words.camel(data.classes),
    ),
    Source(
        name="caltech101",
        maker="Caltech101",
        splits=WHOLE,
        needs=("caltech101/101_ObjectCategories",),
        site="https://data.caltech.edu/records/mzrjq-6wc02",
        files=extract.caltech101,
        classes=lambda data: words.plain(data.categories),
    ),
    Source(
        name="caltech256",
        maker="Caltech256",
        splits=WHOLE,
        needs=("caltech256/256_ObjectCategories",),
        site="https://data.caltech.edu/records/nyy15-4j048",
        files=extract.caltech256,
        classes=lambda data: words.numbered(data.categories),
    ),
    Source(
        name="country211",
        maker="Country211",
        splits={"train": {"split": "train"}, "val": {"split": "valid"}, "test": {"split": "test"}},
        needs=("country211/train", "country211/valid", "country211/test"),
        site="https://github.com/openai/CLIP/blob/main/data/country211.md",
        files=extract.samples,
    ),
    Source(
        name="sun397",
        maker="SUN397",
        splits=WHOLE,
        needs=("SUN397/ClassName.txt",),
        site="https://vision.princeton.edu/projects/2010/SUN/",
        files=extract.sorted_files,
    ),
    Source(
        name="imagenette",
        maker="Imagenette",
        splits=TRAIN_VAL,
        needs=("{folder}/train", "{folder}/val"),
        site="https://github.com/fastai/imagenette",
        files=extract.samples,
        classes=lambda data: words.synonyms(data.classes, data.wnids),
    ),
    Source(
        name="imagenet",
        maker="ImageNet",
        splits=TRAIN_VAL,
        needs=("train", "val"),
        site="https://image-net.org",
        terms="for non-commercial research and education only",
        by_hand="with an account there: ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar and "
        'ILSVRC2012_devkit_t12.tar.gz into FOLDER, and unpack them once: python -c "from torchvision.datasets import '
        "ImageNet; [ImageNet('FOLDER', s) for s in ('train', 'val')]\"",
        files=extract.samples,
        classes=lambda data: words.synonyms(data.classes, data.wnids),
    ),
    Source(
        name="places365",
        maker="Places365",
        splits={"train": {"split": "train-standard"}, "val": {"split": "val"}},
        needs=("categories_places365.txt", "{folder}", "{val_folder}"),
        site="http://places2.csail.mit.edu",
        files=extract.listed,
        classes=lambda data: words.bare(sorted(data.class_to_idx, key=data.class_to_idx.get)),
    ),
    Source(
        name="rendered_sst2",
        maker="RenderedSST2",
        splits=TRAIN_VAL_TEST,
        needs=("rendered-sst2/train", "rendered-sst2/valid", "rendered-sst2/test"),
        site="https://github.com/openai/CLIP/blob/main/data/rendered-sst2.md",
        files=extract.samples,
    ),
    Source(
        name="lfw_people",
        maker="LFWPeople",
        splits=WHOLE,
        needs=("lfw-py/people.txt", "lfw-py/lfw-names.txt", "lfw-py/{folder}"),
        site="http://vis-www.cs.umass.edu/lfw/",
        by_hand="or from a mirror: people.txt, lfw-names.txt and the archive ({archive}, left there when it is "
        "unpacked) into FOLDER/lfw-py",
        files=lambda data: zip(data.data, data.targets, strict=True),
        classes=lambda data: words.plain(data.class_to_idx),
    ),
]
SETS = {source.name: source for source in _TABLE}
