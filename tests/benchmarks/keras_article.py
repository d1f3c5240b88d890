"""The tutorial's classifier in Keras 3, verbatim: what `--recipe article` is compared with."""
import json, os, sys, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
data, seed, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
import keras
from keras import layers
keras.utils.set_random_seed(seed)
def folder(split):
    return keras.utils.image_dataset_from_directory(f"{data}/{split}", label_mode="binary", image_size=(150, 150), batch_size=32, shuffle=split == "train", seed=seed)
train, val = (folder(s).map(lambda x, y: (x / 255.0, y)).cache().prefetch(2) for s in ("train", "val"))
model = keras.Sequential([keras.Input((150, 150, 3)), layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(2),
    layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(2), layers.Conv2D(128, 3, activation="relu"), layers.MaxPooling2D(2),
    layers.Flatten(), layers.Dense(512, activation="relu"), layers.Dropout(0.5), layers.Dense(1, activation="sigmoid")])
assert model.count_params() == 19_034_177
model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="binary_crossentropy", metrics=["accuracy"])
t = time.time()
class Log(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        print(json.dumps({"epoch": epoch + 1, "s": round(time.time() - t, 1), **{k: round(float(v), 4) for k, v in logs.items()}}), flush=True)
h = model.fit(train, validation_data=val, epochs=epochs, verbose=0, callbacks=[Log()])
best = max(h.history["val_accuracy"])
print(json.dumps({"keras": keras.__version__, "seed": seed, "best_val_accuracy": best, "last_val_accuracy": h.history["val_accuracy"][-1], "seconds": time.time() - t}))
