# For MaixPy on a K210: says what the camera sees. Copy NAME and this file to /sd.
import lcd
import sensor
from maix import KPU

LABELS_OF = LABELS

lcd.init()
sensor.reset()
sensor.set_pixformat(sensor.RGB565)
sensor.set_framesize(sensor.QVGA)
sensor.set_windowing((SIZE, SIZE))
sensor.run(1)
kpu = KPU()
kpu.load_kmodel("/sd/NAME")
while True:
    seen = sensor.snapshot()
    seen.pix_to_ai()
    kpu.run_with_output(seen)
    answer = kpu.get_outputs()
    best = max(range(len(LABELS_OF)), key=lambda i: answer[i])
    seen.draw_string(0, 0, "%s %.2f" % (LABELS_OF[best], answer[best]), scale=2)
    lcd.display(seen)
kpu.deinit()
